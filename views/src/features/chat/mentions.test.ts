import { expect, test } from 'vitest'
import { calling, callParts, candidates, mentionsIn } from './mentions'
import type { Candidate } from './mentions'

test.each([
  ['@', 1, { start: 0, typed: '' }],
  ['你好 @li', 6, { start: 3, typed: 'li' }],
  ['你好，@林', 5, { start: 3, typed: '林' }],
  ['a@b.lan', 7, null],
  ['@li xia', 7, null],
  ['@li xia', 3, { start: 0, typed: 'li' }],
  ['＠林', 2, { start: 0, typed: '林' }],
  ['nobody', 6, null],
])('in %s at %i', (text, caret, expected) => {
  expect(calling(text, caret)).toEqual(expected)
})

const person = (id: number, name: string, also = ''): Candidate => ({ id, name, also, avatar: '' })

test('people are found by name, by other names and by the sounds of Chinese names', () => {
  const all = [person(1, '林夏', 'linxia'), person(2, '王敏', 'min'), person(3, 'Ada')]
  const ids = (typed: string) => candidates(all, typed).map(({ id }) => id)
  expect(ids('lx')).toEqual([1])
  expect(ids('王')).toEqual([2])
  expect(ids('min')).toEqual([2])
  expect(ids('AD')).toEqual([3])
  expect(ids('')).toEqual([1, 2, 3])
})

test('a name that was deleted from the text mentions nobody', () => {
  expect(mentionsIn('@Ada hi', [{ id: 3, name: 'Ada' }, { id: 2, name: '王敏' }, { id: 3, name: 'Ada' }])).toEqual([3])
})

test('names are marked where they stand, the longer one first', () => {
  const called = [{ id: 1, name: 'An' }, { id: 2, name: 'Anna' }]
  expect(callParts('hi @Anna, @An!', called)).toEqual([
    { text: 'hi ', id: null },
    { text: '@Anna', id: 2 },
    { text: ', ', id: null },
    { text: '@An', id: 1 },
    { text: '!', id: null },
  ])
  expect(callParts('', called)).toEqual([{ text: '', id: null }])
})
