import { expect, test } from 'vitest'
import { findTargets } from './targets'
import type { Target } from './targets'

function target(conv: string, title: string, also = ''): Target {
  return { conv, id: Number(conv.slice(2)), isGroup: conv.startsWith('g'), title, icon: '', also }
}
const all = [target('g:1', '研发一组'), target('u:2', '林夏', 'linxia'), target('g:3', '产品研发'), target('u:2', '林夏', 'linxia')]
const found = (words: string) => findTargets(all, words, 10).map(({ conv }) => conv)

test('initials, names and parts find; beginnings come first; nothing comes twice', () => {
  expect(found('yfyz')).toEqual(['g:1'])
  expect(found('研发')).toEqual(['g:1', 'g:3'])
  expect(found('linx')).toEqual(['u:2'])
  expect(found('')).toEqual(['g:1', 'u:2', 'g:3'])
  expect(found('zzz')).toEqual([])
})

test('no more than asked for', () => {
  expect(findTargets(all, '', 2)).toHaveLength(2)
})
