import { expect, test } from 'vitest'
import { newCid } from './cid'

test('client ids are version 4 UUIDs and differ', () => {
  const ids = Array.from({ length: 100 }, newCid)
  expect(new Set(ids).size).toBe(100)
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
})
