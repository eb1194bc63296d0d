// The messages of one conversation: a map by seq, the order of the seqs, and the outbox joined in at the end.
// Pure. Whatever order acks, live entries, sync pages, history and repeats come in, the result is the same.

import type { Entry, Reaction, Seq, UserId } from '../net/types'
import type { Pending, Refusal } from './outbox'

export interface Timeline {
  readonly bySeq: ReadonlyMap<Seq, Entry>
  /** Ascending, without repeats. */
  readonly order: readonly Seq[]
  /** Whether older entries exist on the server. */
  readonly moreBefore: boolean
  /** Newer ones that are not here: only of a part that lies apart from the end. */
  readonly moreAfter: boolean
  /** Whether a history page was loaded: only then is the list without holes from its first entry on. */
  readonly loaded: boolean
  /** What the user deleted for himself; a frame that was under way must not bring it back. */
  readonly hidden: ReadonlySet<Seq>
}

export const emptyTimeline: Timeline = { bySeq: new Map(), order: [], moreBefore: true, moreAfter: false, loaded: false, hidden: new Set() }

/** Takes an entry out for this user. */
export function hide(timeline: Timeline, seq: Seq): Timeline {
  return { ...timeline, hidden: new Set(timeline.hidden).add(seq) }
}

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
  return add({ ...timeline, bySeq, order: kept, moreBefore: joins ? timeline.moreBefore : moreBefore, loaded: true }, page)
}

/** Adds the page before the oldest entry. */
export function addOlder(timeline: Timeline, page: readonly Entry[], moreBefore: boolean): Timeline {
  return { ...add(timeline, page), moreBefore }
}

/** Its newest entries only. */
export function cut(timeline: Timeline, entries: number): Timeline {
  const order = timeline.order.slice(-entries)
  return { ...timeline, order, bySeq: new Map(order.flatMap((seq) => pair(timeline, seq))), moreBefore: timeline.moreBefore || order.length < timeline.order.length }
}

/** A part of the conversation apart from its end, around some old entry. */
export function partAround(page: readonly Entry[], moreBefore: boolean, moreAfter: boolean): Timeline {
  return add({ ...emptyTimeline, moreBefore, moreAfter, loaded: true }, page)
}

/** Adds the page after the newest entry of a part. */
export function addNewer(part: Timeline, page: readonly Entry[], moreAfter: boolean): Timeline {
  return { ...add(part, page), moreAfter }
}

/** The end of the conversation with a part that now reaches it; null while there is a gap between them. */
export function join(end: Timeline, part: Timeline): Timeline | null {
  const first = end.order[0]
  if (!end.loaded || first === undefined) return null
  if (part.moreAfter && (part.order.at(-1) ?? 0) < first) return null
  const entries = part.order.flatMap((seq) => pair(part, seq)).map(([, entry]) => entry)
  const older = (part.order[0] ?? Infinity) < first
  return { ...add(end, entries), moreBefore: older ? part.moreBefore : end.moreBefore }
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
  const reactions = b.reactions ?? a.reactions
  const rank = (entry: Entry) => (entry.recalled ? Infinity : (entry.edited_at ?? 0))
  const winner = rank(b) > rank(a) ? b : a
  if (winner.recalled) return winner.cid === cid || cid == null ? winner : { ...winner, cid }
  return { ...winner, ...(cid != null && { cid }), ...(reactions && { reactions }) }
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

/**
 * What is shown, in order: entries with later recalls, edits and reactions applied, then what is still in the outbox.
 * `end`: where changes to the entries of a part come in that lies apart from it.
 */
export function visible(timeline: Timeline, pending: readonly Pending[], me: UserId, end = timeline): Message[] {
  const shown: Message[] = []
  const cids = new Set<string>()
  const changes = amendments(timeline, end)
  for (const seq of timeline.order) {
    const entry = timeline.bySeq.get(seq)
    if (!entry || !SHOWN.has(entry.kind) || end.hidden.has(seq)) continue
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

/** The entries as they are now, by all that is known here; also such as lie above or below the timeline. */
export function current<E extends Entry>(timeline: Timeline, entries: readonly E[]): (E | Entry)[] {
  const changes = amendments(timeline, timeline)
  return entries.map((entry) => amended(entry, changes.get(entry.seq)))
}

interface Change {
  /** The last edit, or the recall: nothing brings a recalled message back. */
  text: Entry | null
  /** In log order: the last about an emoji and a user stands. */
  reactions: Entry[]
}

function amendments(timeline: Timeline, end: Timeline): Map<Seq, Change> {
  const found = new Map<Seq, Change>()
  const parts = timeline === end ? [timeline] : [timeline, end]
  for (const { order, bySeq } of parts) {
    for (const seq of order) {
      const entry = bySeq.get(seq)
      if (entry?.target == null || !AMENDING.has(entry.kind)) continue
      const change = found.get(entry.target) ?? { text: null, reactions: [] }
      found.set(entry.target, change)
      if (entry.kind === 'reaction') change.reactions.push(entry)
      else if (change.text?.kind !== 'recall') change.text = entry
    }
  }
  return found
}

const AMENDING: ReadonlySet<string> = new Set(['recall', 'edit', 'reaction'])

function amended(entry: Entry, change: Change | undefined): Entry {
  if (!change || entry.recalled) return entry
  const { text, reactions } = change
  if (text?.kind === 'recall') return recalled(entry)
  const reacted = reactions.length === 0 ? entry : { ...entry, reactions: withReactions(entry.reactions ?? [], reactions) }
  if (!text || (entry.edited_at ?? 0) >= text.at) return reacted
  return { ...reacted, content: text.content, edited_at: text.at }
}

/** Later reactions over those that a page of history told of, which may know some of them already. */
function withReactions(told: readonly Reaction[], changes: readonly Entry[]): Reaction[] {
  const all = new Map(told.map((one) => [one.emoji, { ...one, users: [...one.users] }]))
  for (const { emoji, on, from } of changes) {
    if (!emoji) continue
    const one = all.get(emoji) ?? { emoji, count: 0, users: [] }
    const has = one.users.includes(from)
    if (on && !has) all.set(emoji, { emoji, count: one.count + 1, users: [...one.users, from] })
    else if (!on && has) all.set(emoji, { emoji, count: one.count - 1, users: one.users.filter((id) => id !== from) })
  }
  return [...all.values()].filter((one) => one.count > 0)
}

/** A recalled message, as history tells it: nothing of what it said. */
export function recalled({ seq, conv, from, at, kind, media, cid }: Entry): Entry {
  return { seq, conv, from, at, kind, media, cid, recalled: true }
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
