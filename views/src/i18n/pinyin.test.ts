import { expect, test } from 'vitest'
import { initials, matches } from './pinyin'

test.each([
  ['研发一组', 'yfyz'],
  ['林夏', 'lx'],
  ['王敏', 'wm'],
  ['赵可', 'zk'],
  ['陈一鸣', 'cym'],
  ['安迪', 'ad'],
  ['欧阳', 'oy'],
  ['Ada 林', 'ada l'],
])('%s begins with %s', (name, expected) => {
  expect(initials(name)).toBe(expected)
})

test('a name is found by itself and by its sounds', () => {
  expect(matches('研发一组', 'fy')).toBe(true)
  expect(matches('研发一组', '发一')).toBe(true)
  expect(matches('Ada Lovelace', 'LOVE')).toBe(true)
  expect(matches('研发一组', 'zy')).toBe(false)
})
