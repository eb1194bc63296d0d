// What a red packet or transfer may be, before the server is asked. Pure.

import { centsOf } from './figures'
import type { Key } from '@/i18n'
import type { Meta } from '@/net/types'

export const SHARES_MAX = 100
/** A red packet is a game: 200 at most. A transfer may be all that one has. */
export const PACKET_CENTS_MAX = 20_000
export const MEMO_MAX = 140

/** Whether money is behind it. What came from an old client or another server is only shown. */
export function hasLedger(meta: Meta | null | undefined): boolean {
  return meta?.packet === 'packet' || meta?.packet === 'transfer'
}

export interface PacketWish {
  kind: 'packet' | 'transfer'
  amount: string
  count: string
  /** Null: not known yet. */
  balance: number | null
}

export interface Judged {
  total: number
  count: number
  errors: { amount: Key | null; count: Key | null }
}

export function judge({ kind, amount, count, balance }: PacketWish): Judged {
  const total = centsOf(amount)
  const shares = /^\d{1,4}$/.test(count.trim()) ? Number(count) : 0
  return {
    total: total ?? 0,
    count: shares,
    errors: { amount: amountError(kind, total, shares, balance), count: shares >= 1 && shares <= SHARES_MAX ? null : 'packet.badCount' },
  }
}

function amountError(kind: PacketWish['kind'], total: number | null, shares: number, balance: number | null): Key | null {
  if (total === null || total < 1) return 'packet.badAmount'
  if (kind === 'packet' && total > PACKET_CENTS_MAX) return 'packet.tooMuch'
  if (balance !== null && total > balance) return 'error.insufficient'
  return total < shares ? 'packet.tooLittle' : null
}
