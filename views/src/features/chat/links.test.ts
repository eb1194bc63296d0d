import { expect, test } from 'vitest'
import { linkParts } from './links'

const links = (text: string) => linkParts(text).flatMap((part) => (part.href ? [part.href] : []))

test.each([
  ['see http://192.168.1.23/cluster', ['http://192.168.1.23/cluster']],
  ['(see https://a.b/c_(d)).', ['https://a.b/c_(d)']],
  ['https://a.b/x, https://a.b/y!', ['https://a.b/x', 'https://a.b/y']],
  ['看https://wiki.lan/review?x=1#top（投影仪我去借）。', ['https://wiki.lan/review?x=1#top']],
  ['地址是http://a.lan/x这里', ['http://a.lan/x']],
  ['HTTPS://A.B/C', ['HTTPS://A.B/C']],
  ['javascript:alert(1) data:text/html,x ftp://a.b', []],
  ['http://', []],
  ['https://"><img src=x onerror=alert(1)>', []],
  ['nothing here', []],
])('%s', (text, expected) => {
  expect(links(text)).toEqual(expected)
})

test('the parts together are the text', () => {
  for (const text of ['a http://b.c, d', 'http://b.c', '', '中http://b.c文', 'http://x.y\nhttp://z.w.']) {
    expect(linkParts(text).map((part) => part.text).join('')).toBe(text)
  }
})

test('a direction mark does not become part of an address', () => {
  expect(links('http://a.b/\u202Egnp.exe')).toEqual(['http://a.b/'])
})
