import { expect, test } from 'vitest'
import { append, datagramRates, healthOf, perSecond, rate, sampleOf, startedAt, traffic } from './history'
import type { Sample } from './history'
import type { ClusterReport } from '../../net/types'

function report(self: string, bus: Record<string, number>, head = 0): ClusterReport {
  const node = (id: string) => ({ id, name: id, state: 'up', head, connections: 2, users: 1, heard_ms_ago: 100 })
  return { self, degraded: false, reasons: [], nodes: [node('a'), node('b'), node('c')], bus, store: {} }
}

function history(...reports: [number, ClusterReport][]): readonly Sample[] {
  return reports.reduce<readonly Sample[]>((all, [at, one]) => append(all, sampleOf(one, at)), [])
}

test('a rate is between two looks at the same node, whoever was asked in between', () => {
  const past = history(
    [0, report('a', { datagrams_out: 100 })],
    [1000, report('b', { datagrams_out: 9000 })],
    [2000, report('a', { datagrams_out: 160 })],
  )
  expect(rate(past, 'a', 'datagrams_out')).toBe(30)
  expect(rate(past, 'b', 'datagrams_out')).toBeNull()
})

test('a node that was not asked has an equal part of what is heard', () => {
  const past = history(
    [0, report('a', { datagrams_out: 0, datagrams_in: 0, dropped_own: 0 })],
    [1000, report('a', { datagrams_out: 3, datagrams_in: 23, dropped_own: 3 })],
  )
  expect([...datagramRates(past)]).toEqual([['a', 3], ['b', 10], ['c', 10]])
})

test('signs of life are no traffic', () => {
  const past = history(
    [0, report('a', { datagrams_out: 10, beats_out: 10, tail_beats_out: 0 })],
    [1000, report('a', { datagrams_out: 20, beats_out: 13, tail_beats_out: 2 })],
  )
  expect(traffic(past)).toEqual({ from: 'a', datagrams: 5, ms: 1000 })
})

test('the log grows by so much a second', () => {
  const past = history([0, report('a', {}, 10)], [500, report('b', {}, 15)], [1500, report('a', {}, 15)])
  expect(perSecond(past, (sample) => sample.head)).toEqual([[500, 10], [1500, 0]])
})

test('who is silent is not well, and the asked node is', () => {
  const node = (state: string, heard_ms_ago: number) => ({ id: 'b', name: 'b', state, heard_ms_ago })
  expect(healthOf(node('up', 200), 'a')).toBe('up')
  expect(healthOf(node('up', 1_600), 'a')).toBe('quiet')
  expect(healthOf(node('up', 9_000), 'b')).toBe('up')
  expect(healthOf(node('suspect', 3_000), 'a')).toBe('quiet')
  expect(healthOf(node('down', 9_000), 'a')).toBe('down')
})

test('the start of a node is in its id', () => {
  expect(startedAt('01a1ff4c07117536a05ebedd508dfbba')).toBe(0x01a1ff4c0711)
  expect(startedAt('01a1ff4c-0711-7536-a05e-bedd508dfbba')).toBe(0x01a1ff4c0711)
  expect(startedAt('17')).toBeNull()
})

test('only the last five minutes are kept', () => {
  let past: readonly Sample[] = []
  for (let n = 0; n < 400; n++) past = append(past, sampleOf(report('a', {}), n * 1000))
  expect(past).toHaveLength(300)
  expect(past[0]?.at).toBe(100_000)
})
