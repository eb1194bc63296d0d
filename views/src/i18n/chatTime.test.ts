import { expect, test } from 'vitest'
import { chatTime, daysBetween, separatorTime, untilTime } from './chatTime'

const now = new Date(2026, 10, 21, 14, 30).getTime() // a Saturday
const at = (...parts: [number, number, number, number, number]) => new Date(...parts).getTime()
const zh = (time: number) => chatTime(time, now, 'zh-CN', { yesterday: '昨天' })
const en = (time: number) => chatTime(time, now, 'en', { yesterday: 'Yesterday' })

test.each([
  [at(2026, 10, 21, 9, 5), '09:05', '09:05'],
  [at(2026, 10, 21, 0, 0), '00:00', '00:00'],
  [at(2026, 10, 20, 23, 59), '昨天', 'Yesterday'],
  [at(2026, 10, 16, 8, 0), '星期一', 'Mon'],
  [at(2026, 10, 14, 8, 0), '11月14日', 'Nov 14'],
  [at(2025, 11, 31, 8, 0), '2025年12月31日', 'Dec 31, 2025'],
])('%i', (time, chinese, english) => {
  expect(zh(time)).toBe(chinese)
  expect(en(time)).toBe(english)
})

test('a clock slightly behind the server still says today', () => {
  expect(zh(now + 60_000)).toBe('14:31')
})

test('separators carry the time as well', () => {
  expect(separatorTime(at(2026, 10, 20, 9, 5), now, 'zh-CN', { yesterday: '昨天' })).toBe('昨天 09:05')
})

test('days are counted by calendar, not by hours', () => {
  expect(daysBetween(at(2026, 10, 20, 23, 59), at(2026, 10, 21, 0, 1))).toBe(1)
})

test('a moment to come is told with its date unless it is today', () => {
  const noon = new Date(2026, 10, 21, 12, 0).getTime()
  expect(untilTime(new Date(2026, 10, 21, 23, 59).getTime(), noon, 'zh-CN')).toBe('23:59')
  expect(untilTime(new Date(2026, 10, 22, 0, 1).getTime(), noon, 'zh-CN')).toBe('2026年11月22日 00:01')
})
