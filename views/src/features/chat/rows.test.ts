import { expect, test } from 'vitest'
import { keepRows, toRows } from './rows'
import type { Message } from '@/stores/timeline'

const MINUTE = 60_000
const START = new Date(2026, 10, 21, 12, 0).getTime()

const message = (seq: number, from: number, minutes: number, kind = 'message'): Message => ({
  key: `s${seq}`, seq, cid: null, state: 'sent', error: null,
  entry: { seq, conv: 'g:1', from, at: START + minutes * MINUTE, kind, media: 1, content: '' },
})

test('a run of one sender shows one head, broken by others, pauses and system lines', () => {
  const rows = toRows(
    [message(1, 2, 0), message(2, 2, 1), message(3, 3, 2), message(4, 3, 9), message(5, 3, 10, 'joined'), message(6, 3, 11)],
    null,
    true,
    9,
  )
  expect(rows.map((row) => row.first)).toEqual([true, false, true, true, false, true])
  expect(rows.map((row) => row.time !== null)).toEqual([true, false, false, true, false, false])
})

test('a new day gets a time even without a pause', () => {
  const rows = toRows([message(1, 2, 719), message(2, 2, 721)], null, true, 9)
  expect(rows[1]?.time).not.toBeNull()
})

test('the divider stands before the first unread message of another', () => {
  const rows = toRows([message(1, 2, 0), message(5, 9, 1), message(6, 2, 2), message(7, 2, 3)], 3, false, 9)
  expect(rows.map((row) => row.divider)).toEqual([false, false, true, false])
})

test('no divider where the first unread message may lie before what is loaded', () => {
  const page = [message(50, 2, 0), message(51, 2, 1)]
  expect(toRows(page, 3, false, 9).some((row) => row.divider)).toBe(false)
  expect(toRows(page, 3, true, 9)[0]?.divider).toBe(true)
})

test('rows that say the same as before stay the same objects', () => {
  const page = () => [message(1, 2, 0), message(2, 2, 1), message(3, 3, 2)]
  const before = toRows(page(), null, true, 9)
  const known = new Map(before.map(({ message }) => [message.seq, message.entry]))
  // As the timeline does it: messages anew, about the same entries.
  const again = [...page().map((one) => ({ ...one, entry: known.get(one.seq) ?? one.entry })), message(4, 3, 3)]
  const rows = keepRows(before, toRows(again, null, true, 9))
  expect(rows.map((row, index) => row === before[index])).toEqual([true, true, true, false])
})

test('a row whose message, divider or time changed is a new one', () => {
  const page = [message(1, 2, 0), message(2, 2, 1), message(3, 2, 2)]
  const before = toRows(page, null, true, 9)
  const edited = page.map((one) => (one.seq === 2 ? { ...one, entry: { ...one.entry, content: 'other words' } } : one))
  expect(keepRows(before, toRows(edited, null, true, 9)).map((row, index) => row === before[index])).toEqual([true, false, true])
  expect(keepRows(before, toRows(page, 2, true, 9)).map((row, index) => row === before[index])).toEqual([true, true, false])
  expect(keepRows(before, toRows(page.slice(1), null, true, 9)).map((row) => before.includes(row))).toEqual([false, true])
})
