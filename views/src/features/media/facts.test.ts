import { describe, expect, test } from 'vitest'
import { sizeIn, tileOf } from './box'
import { blurIn, cardUser, fileName, peaksIn, webAddress } from './facts'
import { isEmojiOnly } from './emojiOnly'
import { ownPath } from '@/net/ownPath'
import type { Entry } from '@/net/types'

const ORIGIN = 'https://chat.lan'
const entry = (part: Partial<Entry>): Entry => ({ seq: 1, conv: 'u:2', from: 2, at: 0, kind: 'message', ...part })

describe('addresses', () => {
  test.each([
    ['/files/a/b.png', '/files/a/b.png'],
    ['https://chat.lan/files/a/b.png?thumb=1', '/files/a/b.png?thumb=1'],
    ['https://elsewhere.example/a.png', null],
    ['//elsewhere.example/a.png', null],
    ['/\\elsewhere.example/a.png', null],
    ['javascript:alert(1)', null],
    ['', null],
    [null, null],
  ])('of %s only what is on this server is loaded', (url, path) => expect(ownPath(url, ORIGIN)).toBe(path))

  test.each([
    ['https://elsewhere.example/a', 'https://elsewhere.example/a'],
    ['/files/a/b', '/files/a/b'],
    ['javascript:alert(1)', null],
    ['data:text/html,x', null],
    ['//elsewhere.example', null],
    ['https://', null],
  ])('%s may be opened as %s', (url, address) => expect(webAddress(url)).toBe(address))
})

test('a tile has its place before the picture is there, whatever its size', () => {
  expect(tileOf({ width: 4000, height: 3000 })).toEqual({ width: 240, height: 180 })
  expect(tileOf({ width: 1000, height: 4000 })).toEqual({ width: 112, height: 320 })
  expect(tileOf({ width: 8, height: 8 })).toEqual({ width: 112, height: 72 })
  expect(tileOf(sizeIn({ w: 'wide', h: -3 }))).toEqual({ width: 200, height: 150 })
})

test('what other clients put into meta cannot break a row', () => {
  expect(sizeIn({ w: NaN, h: 5 })).toBeNull()
  expect(peaksIn({ peaks: [50, 'loud', 1e9, null] })).toEqual([0.5, 0, 1, 0])
  expect(peaksIn({ peaks: 'none' })).toHaveLength(40)
  expect(blurIn({ blur: 'data:image/webp;base64,AAAA' })).toBe('data:image/webp;base64,AAAA')
  expect(blurIn({ blur: 'https://elsewhere.example/a.png' })).toBeNull()
  expect(blurIn({ blur: `data:image/png;base64,${'A'.repeat(5000)}` })).toBeNull()
  expect(cardUser(entry({ content: '7' }))).toBe(7)
  expect(cardUser(entry({ content: '7; drop' }))).toBeNull()
})

test('a file without a name is called as its address ends', () => {
  expect(fileName(entry({ content: '报告.pdf' }))).toBe('报告.pdf')
  expect(fileName(entry({ url: '/files/x/%E6%8A%A5.pdf?thumb=1' }))).toBe('报.pdf')
  expect(fileName(entry({ url: '/files/x/%E6%8' }))).toBe('%E6%8')
})

test.each([
  ['😀', true],
  ['👨‍👩‍👧 🇨🇳 ❤️', true],
  ['1️⃣', true],
  ['😀😀😀😀', false],
  ['12', false],
  ['好😀', false],
  [' ', false],
])('%s is shown large: %s', (text, large) => expect(isEmojiOnly(text)).toBe(large))
