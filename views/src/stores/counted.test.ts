import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Counted } from './counted'

test('each entry counts once, in whatever order and however often it comes M9', () => {
  const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 50 })
  const twiceMixed = seqs.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })))
  fc.assert(
    fc.property(twiceMixed, ([all, coming]) => {
      const counted = new Counted()
      expect(coming.filter((seq) => counted.add(seq, null))).toHaveLength(all.length)
    }),
  )
})

test('what the server has counted counts no more', () => {
  const counted = new Counted()
  expect(counted.add(7, null)).toBe(true)
  counted.upTo(5)
  expect([4, 5, 6, 7].filter((seq) => counted.add(seq, null))).toEqual([6])
  counted.upTo(3)
  expect(counted.add(5, null)).toBe(false)
})

test('no more than a thousand are remembered one by one', () => {
  const counted = new Counted()
  for (let seq = 2; seq <= 2_004; seq += 2) counted.add(seq, null)
  expect(counted.add(1, null)).toBe(false)
  expect(counted.add(2_003, null)).toBe(true)
})

test('what is unread above a place is told by conversation', () => {
  const counted = new Counted()
  counted.add(3, 'u:1')
  counted.add(4, 'u:1')
  counted.add(5, 'u:2')
  counted.add(6, null)
  counted.add(7, 'u:1')
  expect([counted.above(0, 'u:1'), counted.above(3, 'u:1'), counted.above(3, 'u:2'), counted.above(7, 'u:1')]).toEqual([3, 2, 1, 0])
  counted.upTo(4)
  expect(counted.above(0, 'u:1')).toBe(1)
})
