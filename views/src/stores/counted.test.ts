import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Counted } from './counted'

test('each entry counts once, in whatever order and however often it comes M9', () => {
  const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 50 })
  const twiceMixed = seqs.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })))
  fc.assert(
    fc.property(twiceMixed, ([all, coming]) => {
      const counted = new Counted()
      expect(coming.filter((seq) => counted.add(seq))).toHaveLength(all.length)
    }),
  )
})

test('what the server has counted counts no more', () => {
  const counted = new Counted()
  expect(counted.add(7)).toBe(true)
  counted.upTo(5)
  expect([4, 5, 6, 7].filter((seq) => counted.add(seq))).toEqual([6])
  counted.upTo(3)
  expect(counted.add(5)).toBe(false)
})

test('no more than a thousand are remembered one by one', () => {
  const counted = new Counted()
  for (let seq = 2; seq <= 2_004; seq += 2) counted.add(seq)
  expect(counted.add(1)).toBe(false)
  expect(counted.add(2_003)).toBe(true)
})
