// The messages of one conversation: a map by seq, the order of the seqs, and the outbox joined in at the end.
// Pure. Whatever order acks, live entries, sync pages, history and repeats come in, the result is the same.

import type { Entry, Seq, UserId } from '../net/types'
import type { Pending, Refusal } from './outbox'

export interface Timeline {
  readonly bySeq: ReadonlyMap<Seq, Entry>
  /** Ascending, without repeats. */
  readonly order: readonly Seq[]
  /** Whether older entries exist on the server. */
  readonly moreBefore: boolean
  /** Whether a history page was loaded: only then is the list without holes from its first entry on. */
  readonly loaded: boolean
}

export const emptyTimeline: Timeline = { bySeq: new Map(), order: [], moreBefore: true, loaded: false }

/** Adds entries, each once. */
export function add(timeline: Timeline, entries: readonly Entry[]): Timeline {
  if (entries.length === 0) return timeline
  const bySeq = new Map(timeline.bySeq)
  const fresh: Seq[] = []
  for (const entry of entries) {
    const known = bySeq.get(entry.seq)
    if (!known) fresh.push(entry.seq)
    bySeq.set(entry.seq, known ? later(known, entry) : entry)
  }
  return { ...timeline, bySeq, order: fresh.length > 0 ? inOrder(timeline.order, fresh) : timeline.order }
}

/**
 * Adds the newest page. Entries older than the page stay only if the page reaches back to a loaded list; otherwise
 * there may be a hole behind them, so they are dropped and read again when the reader scrolls there.
 */
export function addNewest(timeline: Timeline, page: readonly Entry[], moreBefore: boolean): Timeline {
  const first = page[0]?.seq ?? 0
  const joins = timeline.loaded && (!moreBefore || timeline.bySeq.has(first))
  const kept = joins ? timeline.order : timeline.order.filter((seq) => seq >= first)
  const bySeq = new Map(kept.flatMap((seq) => pair(timeline, seq)))
  return add({ bySeq, order: kept, moreBefore: joins ? timeline.moreBefore : moreBefore, loaded: true }, page)
}

/** Adds the page before the oldest entry. */
export function addOlder(timeline: Timeline, page: readonly Entry[], moreBefore: boolean): Timeline {
  return { ...add(timeline, page), moreBefore }
}

function pair(timeline: Timeline, seq: Seq): [Seq, Entry][] {
  const entry = timeline.bySeq.get(seq)
  return entry ? [[seq, entry]] : []
}

function inOrder(order: readonly Seq[], fresh: Seq[]): readonly Seq[] {
  fresh.sort((a, b) => a - b)
  const last = order.at(-1)
  const first = fresh[0]
  if (last === undefined || (first !== undefined && first > last)) return [...order, ...fresh]
  return [...order, ...fresh].sort((a, b) => a - b)
}

/** Two forms of one entry: history knows later recalls and edits, live frames do not. */
function later(a: Entry, b: Entry): Entry {
  const cid = a.cid ?? b.cid
  const rank = (entry: Entry) => (entry.recalled ? Infinity : (entry.edited_at ?? 0))
  const winner = rank(b) > rank(a) ? b : a
  return winner.cid === cid || cid == null ? winner : { ...winner, cid }
}

/** A message as it is shown: sent, or still in the outbox. */
export interface Message {
  /** Stays the same when a pending message is confirmed, so its row is not rebuilt. */
  key: string
  seq: Seq | null
  cid: string | null
  entry: Entry
  state: 'pending' | 'sent' | 'failed'
  error: Refusal | null
}

/** What is shown, in order: entries with later recalls and edits applied, then what is still in the outbox. */
export function visible(timeline: Timeline, pending: readonly Pending[], me: UserId): Message[] {
  const shown: Message[] = []
  const cids = new Set<string>()
  const changes = amendments(timeline)
  for (const seq of timeline.order) {
    const entry = timeline.bySeq.get(seq)
    if (!entry || !SHOWN.has(entry.kind)) continue
    const own = entry.from === me && entry.cid ? entry.cid : null
    if (own) cids.add(own)
    shown.push({
      key: own ? `c${own}` : `s${seq}`,
      seq,
      cid: own,
      entry: amended(entry, changes.get(seq)),
      state: 'sent',
      error: null,
    })
  }
  for (const item of pending) {
    if (!cids.has(item.cid)) shown.push(fromOutbox(item, me))
  }
  return shown
}

const SHOWN: ReadonlySet<string> = new Set(['message', 'joined', 'left', 'group', 'friend', 'notice'])

function amendments(timeline: Timeline): Map<Seq, Entry> {
  const found = new Map<Seq, Entry>()
  for (const seq of timeline.order) {
    const entry = timeline.bySeq.get(seq)
    if (!entry || (entry.kind !== 'recall' && entry.kind !== 'edit') || entry.target == null) continue
    // In log order the last edit stands, but nothing brings a recalled message back.
    if (found.get(entry.target)?.kind !== 'recall') found.set(entry.target, entry)
  }
  return found
}

function amended(entry: Entry, change: Entry | undefined): Entry {
  if (!change || entry.recalled) return entry
  if (change.kind === 'recall') return { ...entry, content: '', recalled: true }
  if ((entry.edited_at ?? 0) >= change.at) return entry
  return { ...entry, content: change.content, edited_at: change.at }
}

function fromOutbox(item: Pending, me: UserId): Message {
  return {
    key: `c${item.cid}`,
    seq: null,
    cid: item.cid,
    entry: entryOf(item, me, 0, item.createdAt),
    state: item.state === 'failed' ? 'failed' : 'pending',
    error: item.error,
  }
}

/** The entry that an acknowledged message became. */
export function entryOf(item: Pending, me: UserId, seq: Seq, at: number): Entry {
  return { ...item.draft, seq, conv: item.conv, from: me, at, kind: 'message', cid: item.cid }
}
