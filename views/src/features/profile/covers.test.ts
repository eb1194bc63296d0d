import { expect, test } from 'vitest'
import { covers } from './covers'

const frame = { x: 20, y: 20, width: 100, height: 100 }

test('a picture over the whole frame covers it, with or without room to spare', () => {
  expect(covers({ x: 0, y: 0, width: 200, height: 200 }, frame)).toBe(true)
  expect(covers(frame, frame)).toBe(true)
  expect(covers({ ...frame, x: 20.4 }, frame)).toBe(true)
})

test('a gap on any side is seen', () => {
  expect(covers({ x: 21, y: 0, width: 200, height: 200 }, frame)).toBe(false)
  expect(covers({ x: 0, y: 21, width: 200, height: 200 }, frame)).toBe(false)
  expect(covers({ x: 0, y: 0, width: 119, height: 200 }, frame)).toBe(false)
  expect(covers({ x: 0, y: 0, width: 200, height: 119 }, frame)).toBe(false)
})
