import { expect, test } from 'vitest'
import { bytesText, centsOf, clockText, moneyText, peaksOf, scaled, voiceWidth } from './figures'

test.each([
  ['3', 300],
  ['0.01', 1],
  ['12.5', 1250],
  ['￥8,20', 820],
  ['0.29', 29],
  ['1.005', null],
  ['-1', null],
  ['', null],
  ['1e3', null],
])('%s is %s cents', (text, cents) => expect(centsOf(text)).toBe(cents))

test('money is written from cents in both languages', () => {
  expect(moneyText(300, 'zh-CN')).toBe('¥3.00')
  expect(moneyText(123_456, 'en')).toBe('¥1,234.56')
})

test('sizes and lengths read as people say them', () => {
  expect(bytesText(1_887_437, 'en')).toBe('1.8 MB')
  expect(bytesText(1_023, 'en')).toBe('1,023 bytes')
  expect(bytesText(2_048, 'zh-CN')).toMatch(/^2\s?kB$/)
  expect(clockText(61.4)).toBe('1:01')
})

test('bars show the loudest of their part', () => {
  expect(peaksOf([0, 0.1, -0.5, 0, 0.25, 0], 3)).toEqual([20, 100, 50])
  expect(peaksOf([0, 0], 2)).toEqual([0, 0])
  expect(peaksOf([], 2)).toEqual([0, 0])
})

test('bubbles and pictures stay within their bounds', () => {
  expect(voiceWidth(0)).toBe(72)
  expect(voiceWidth(600)).toBe(220)
  expect(scaled(4000, 3000, 2048)).toEqual({ width: 2048, height: 1536 })
  expect(scaled(10, 9000, 2048)).toEqual({ width: 2, height: 2048 })
  expect(scaled(20, 10, 2048)).toEqual({ width: 20, height: 10 })
})
