import { expect, test } from 'vitest'
import { hasLedger, judge } from './packetRules'

const wish = { kind: 'packet', amount: '10', count: '5', balance: 100_000 } as const

test('a packet that can be sent has cents and shares', () => {
  expect(judge(wish)).toEqual({ total: 1000, count: 5, errors: { amount: null, count: null } })
})

test.each([
  [{ amount: '' }, 'packet.badAmount', null],
  [{ amount: '0' }, 'packet.badAmount', null],
  [{ amount: '0.001' }, 'packet.badAmount', null],
  [{ amount: '200.01' }, 'packet.tooMuch', null],
  [{ amount: '200.01', kind: 'transfer' as const }, null, null],
  [{ amount: '10', balance: 999 }, 'error.insufficient', null],
  [{ amount: '10', balance: null }, null, null],
  [{ amount: '0.04' }, 'packet.tooLittle', null],
  [{ count: '0' }, null, 'packet.badCount'],
  [{ count: '101' }, null, 'packet.badCount'],
  [{ count: '1.5' }, null, 'packet.badCount'],
])('%o is refused with %s and %s', (part, amount, count) => {
  expect(judge({ ...wish, ...part }).errors).toEqual({ amount, count })
})

test('what an old client sent as a packet is only shown', () => {
  expect([{ packet: 'packet' }, { packet: 'transfer' }, { packet: 'display' }, {}, null].map(hasLedger)).toEqual([true, true, false, false, false])
})
