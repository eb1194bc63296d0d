import { expect, test } from 'vitest'
import { codeIn } from './code'

const code = '5f2c9a0be1d34f7788aa01cd23ef4567'

test('a link of any host and a bare code are invitations', () => {
  expect(codeIn(`http://192.168.1.5:8080/join/${code}`)).toBe(code)
  expect(codeIn(` https://chat.lan/join/${code}/?from=qr `)).toBe(code)
  expect(codeIn(code)).toBe(code)
})

test('names and numbers of groups are not', () => {
  for (const text of ['', '研发一组', '12345678901234567890', 'the-design-reviews-group', 'http://x/join/short']) {
    expect(codeIn(text)).toBeNull()
  }
})
