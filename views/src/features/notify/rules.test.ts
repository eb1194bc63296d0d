import { expect, test } from 'vitest'
import { attention, calls } from './rules'
import type { Entry } from '../../net/types'

const ME = 1
const NOW = 1_800_000_000_000
const entry = (part: Partial<Entry>): Entry => ({ seq: 5, conv: 'g:3', from: 2, at: NOW, kind: 'message', media: 1, content: 'x', ...part })

test.each([
  ['a message of somebody else', {}, false, true],
  ['a notice of the system', { kind: 'notice', from: 0 }, false, true],
  ['my own message', { from: ME }, false, false],
  ['somebody who joined', { kind: 'joined' }, false, false],
  ['a recalled message', { recalled: true }, false, false],
  ['a muted conversation', {}, true, false],
  ['a muted conversation that names me', { mentions: [ME] }, true, true],
  ['a muted conversation that names everybody', { mentions: [0] }, true, true],
  ['a muted conversation that names another', { mentions: [9] }, true, false],
  ['a message of an hour ago', { at: NOW - 3_600_000 }, false, false],
] as const)('%s', (_, part, muted, expected) => {
  expect(calls(entry(part as Partial<Entry>), ME, muted, NOW)).toBe(expected)
})

test('only a visible, focused page has the reader', () => {
  expect(attention(true, true, 'u:2', 'u:2')).toBe('here')
  expect(attention(true, true, 'u:2', 'u:3')).toBe('page')
  expect(attention(true, false, 'u:2', 'u:2')).toBe('away')
  expect(attention(false, true, 'u:2', 'u:2')).toBe('away')
})
