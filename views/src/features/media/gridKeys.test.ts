import { expect, test } from 'vitest'
import { target } from './gridKeys'

test.each([
  ['ArrowRight', 0, 1],
  ['ArrowRight', 9, null],
  ['ArrowDown', 1, 5],
  ['ArrowDown', 7, null],
  ['ArrowUp', 1, null],
  ['ArrowUp', 9, 5],
  ['End', 3, 9],
  ['a', 3, null],
])('%s from %i of ten in rows of four leads to %o', (key, at, to) => expect(target(key, at, 4, 10)).toBe(to))
