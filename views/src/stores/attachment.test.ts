import { expect, test } from 'vitest'
import { attached } from './attachment'
import type { FileInfo } from '../net/types'

const file: FileInfo = { id: 'f', url: '/files/f/a.png', name: 'a.png', mime: 'image/png', size: 9, sha256: '' }

test('a picture gets the address, the small one and the size that the server saw', () => {
  const info = { ...file, width: 30, height: 20, thumb: '/files/f/a.png?thumb=1' }
  const part = attached({ media: 4, meta: { w: 1, h: 1, blur: 'data:' } }, info, null)
  expect(part).toEqual({ url: file.url, pic: info.thumb, meta: { w: 30, h: 20, blur: 'data:' } })
  expect(attached({ media: 4, meta: { w: 1, h: 1 } }, file, null)).toEqual({ url: file.url })
})

test('a video gets its poster, a file only its address', () => {
  expect(attached({ media: 8 }, file, { ...file, url: '/files/p/poster.jpg' })).toEqual({ url: file.url, pic: '/files/p/poster.jpg' })
  expect(attached({ media: 10, content: 'a.png' }, file, null)).toEqual({ url: file.url })
})
