// Turns messages into rows: where a time stands, where a run of one sender begins, where new messages start. Pure.

import type { Message } from '@/stores/timeline'
import type { Seq, UserId } from '@/net/types'

/** A pause longer than this gets a time in the middle. */
const PAUSE_MS = 5 * 60_000
/** No time zone begins its day within one of these. */
const QUARTER_MS = 15 * 60_000

export interface Row {
  key: string
  message: Message
  /** A time stands above this row. Kept inside the row so that older pages only ever add whole rows on top. */
  time: number | null
  /** "New messages" stands above this row. */
  divider: boolean
  /** First of a run by one sender: shows avatar and name. */
  first: boolean
  system: boolean
}

/**
 * `unreadAfter`: the read position when the conversation was opened; null: no divider.
 * `whole`: the messages begin with the conversation, so the first unread one is surely among them.
 */
export function toRows(messages: readonly Message[], unreadAfter: Seq | null, whole: boolean, me: UserId): Row[] {
  const reaches = unreadAfter !== null && (whole || (messages[0]?.seq ?? Infinity) <= unreadAfter)
  const dividerAt = reaches ? firstUnread(messages, unreadAfter, me) : -1
  return messages.map((message, index): Row => {
    const before = messages[index - 1]
    const paused = !before || message.entry.at - before.entry.at > PAUSE_MS || !sameDay(before.entry.at, message.entry.at)
    const divider = index === dividerAt
    const system = isSystem(message)
    const runs = before && !paused && !divider && !isSystem(before) && before.entry.from === message.entry.from
    return { key: message.key, message, time: paused ? message.entry.at : null, divider, first: !runs, system }
  })
}

/** The rows anew, those that say the same as before as the same objects: nothing of them is rendered again. */
export function keepRows(before: readonly Row[], rows: Row[]): Row[] {
  const known = new Map(before.map((row) => [row.key, row]))
  return rows.map((row) => {
    const old = known.get(row.key)
    return old && alike(old, row, 'message') && alike(old.message, row.message) ? old : row
  })
}

function alike<T extends object>(a: T, b: T, apart?: keyof T): boolean {
  return (Object.keys(a) as (keyof T)[]).every((name) => name === apart || a[name] === b[name])
}

function firstUnread(messages: readonly Message[], after: Seq, me: UserId): number {
  return messages.findIndex((one) => one.seq !== null && one.seq > after && one.entry.from !== me && one.entry.kind === 'message')
}

function isSystem({ entry }: Message): boolean {
  return entry.kind !== 'message' || entry.recalled === true
}

function sameDay(a: number, b: number): boolean {
  return Math.floor(a / QUARTER_MS) === Math.floor(b / QUARTER_MS) || new Date(a).toDateString() === new Date(b).toDateString()
}
