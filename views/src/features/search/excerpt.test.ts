import { expect, test } from 'vitest'
import { excerpt, partsOf } from './excerpt'

const shown = (parts: { text: string; hit: boolean }[]) => parts.map(({ text, hit }) => (hit ? `[${text}]` : text)).join('')

test('hits are marked where the server found them', () => {
  expect(shown(excerpt('今晚升级 node-3，升级前备份', [[2, 4], [12, 14]]))).toBe('今晚[升级] node-3，[升级]前备份')
})

test('a late hit comes into view, and nothing is cut within a character', () => {
  const text = `${'😀'.repeat(30)}升级`
  expect(shown(excerpt(text, [[60, 62]]))).toBe(`…${'😀'.repeat(8)}[升级]`)
  expect(shown(excerpt(`x${text}`, [[61, 63]]))).toBe(`…${'😀'.repeat(8)}[升级]`)
})

test('long texts end, and places beyond the end do no harm', () => {
  expect(shown(excerpt('a'.repeat(500), [[0, 1]]))).toBe(`[a]${'a'.repeat(159)}`)
  expect(shown(excerpt('abc', [[2, 9], [50, 60]]))).toBe('ab[c]')
  expect(shown(excerpt('', []))).toBe('')
})

test('names are marked by what was typed', () => {
  expect(shown(partsOf('研发一组', '一'))).toBe('研发[一]组')
  expect(shown(partsOf('研发一组', 'yf'))).toBe('研发一组')
})
