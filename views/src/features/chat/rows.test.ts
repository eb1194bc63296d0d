import { expect, test } from 'vitest'
import { toRows } from './rows'
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
