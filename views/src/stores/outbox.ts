// What was written and is not yet confirmed. Pure: the list goes in, the next list or the next frames come out.
// One message per conversation is under way at a time, so a refusal cannot let a later message overtake it. What is
// still being uploaded holds nobody up: it takes its place when its bytes have arrived.

import type { Conv, Draft } from '../net/types'

/** Bytes that are uploaded before the message that refers to them is sent. */
export interface Attachment {
  readonly file: Blob
  readonly name: string
  /** The still picture of a video. */
  readonly poster?: Blob | null
}

export interface Pending {
  readonly cid: string
  readonly conv: Conv
  readonly draft: Draft
  /** Absent once it is uploaded. */
  readonly attachment?: Attachment | null
  /** By this device's clock; only for showing. */
  readonly createdAt: number
  readonly state: 'uploading' | 'waiting' | 'underway' | 'failed'
  /** Not before this time (`Moment.now`); set by a refusal that names a wait. */
  readonly notBefore: number
  readonly error: Refusal | null
}

export interface Refusal {
  readonly code: string
  readonly message: string
}

export type Outbox = readonly Pending[]

/** Refusals after which the same message is sent again without asking. */
const PASSING: ReadonlySet<string> = new Set(['unavailable', 'rate_limited', 'internal'])
/** Used when a passing refusal names no wait. */
export const RETRY_MS = 2_000
/** A link that is alive but does not confirm for this long gets the message again; its cid makes that safe. */
export const ACK_MS_MAX = 10_000

/** Uploads at a time, one per conversation: pictures sent together stay in order, and a link is not torn apart. */
export const UPLOADS_MAX = 3

export function push(
  outbox: Outbox,
  message: Pick<Pending, 'cid' | 'conv' | 'draft' | 'createdAt' | 'attachment'>,
): Outbox {
  if (outbox.some((item) => item.cid === message.cid)) return outbox
  return [...outbox, { ...message, state: message.attachment ? 'uploading' : 'waiting', notBefore: 0, error: null }]
}

/** Whose bytes to upload now. */
export function toUpload(outbox: Outbox): Pending[] {
  const first = new Map<Conv, Pending>()
  for (const item of outbox) {
    if (item.state === 'uploading' && !first.has(item.conv)) first.set(item.conv, item)
  }
  return [...first.values()].slice(0, UPLOADS_MAX)
}

/** The bytes have arrived: `part` of the draft says where. */
export function uploaded(outbox: Outbox, cid: string, part: Partial<Draft>): Outbox {
  return outbox.map((item) =>
    item.cid === cid ? { ...item, draft: { ...item.draft, ...part }, attachment: null, state: 'waiting' } : item,
  )
}

/** The message cannot be sent as it is. */
export function fail(outbox: Outbox, cid: string, { code, message }: Refusal): Outbox {
  return change(outbox, cid, { state: 'failed', error: { code, message } })
}

export function remove(outbox: Outbox, cid: string): Outbox {
  return outbox.filter((item) => item.cid !== cid)
}

/** A new connection: nothing is known about what was under way. */
export function reopen(outbox: Outbox): Outbox {
  return outbox.map((item) => (item.state === 'underway' ? { ...item, state: 'waiting', notBefore: 0 } : item))
}

export function retry(outbox: Outbox, cid: string): Outbox {
  const item = outbox.find((one) => one.cid === cid)
  return change(outbox, cid, { state: item?.attachment ? 'uploading' : 'waiting', notBefore: 0, error: null })
}

export function refuse(
  outbox: Outbox,
  cid: string,
  refusal: Refusal & { retryAfter: number | null },
  now: number,
): Outbox {
  if (PASSING.has(refusal.code)) {
    return change(outbox, cid, { state: 'waiting', notBefore: now + (refusal.retryAfter ?? RETRY_MS) })
  }
  return fail(outbox, cid, refusal)
}

/** What to transmit now, and when to ask again (`null`: only after a change). */
export function due(outbox: Outbox, now: number): { outbox: Outbox; send: Pending[]; again: number | null } {
  const busy = new Set<Conv>()
  const send: Pending[] = []
  let again: number | null = null
  const next = outbox.map((item): Pending => {
    if (item.state === 'failed' || item.state === 'uploading' || busy.has(item.conv)) return item
    busy.add(item.conv)
    if (item.notBefore > now) {
      again = Math.min(again ?? Infinity, item.notBefore)
      return item
    }
    const sent: Pending = { ...item, state: 'underway', notBefore: now + ACK_MS_MAX }
    again = Math.min(again ?? Infinity, sent.notBefore)
    send.push(sent)
    return sent
  })
  return { outbox: next, send, again }
}

function change(outbox: Outbox, cid: string, part: Partial<Pending>): Outbox {
  return outbox.map((item) => (item.cid === cid ? { ...item, ...part } : item))
}
