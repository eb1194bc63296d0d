// The list of conversations: last message, unread count, read positions.

import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api } from '../net/api'
import type { Conv, Conversation, ConversationSettings, Entry, Seq } from '../net/types'
import { Counted } from './counted'
import { useGroups } from './groups'
import { useKept } from './kept'
import { recalled } from './timeline'
import { useDrafts } from './drafts'
import { useLink } from './link'
import { usePeople } from './people'
import { useSession } from './session'

/** Entries that are listed as the last thing that happened. */
const LISTED: ReadonlySet<string> = new Set(['message', 'joined', 'left', 'group', 'friend', 'notice'])
/** Several unknown conversations at once cost one request. */
const RELOAD_MS = 150

export const useConversations = defineStore('conversations', () => {
  const items = shallowRef<Record<Conv, Conversation>>({})
  const status = ref<'loading' | 'ready' | 'failed'>('loading')
  /** Others' entries that are in the unread counts, by the server or by `take`. */
  const counted = new Counted()
  /** Entries deleted for me: an answer without them is no older for that. */
  const hidden = new Set<Seq>()
  /** What was read while no node could be told. */
  const unsaid = new Map<Conv, Seq>()
  let reloading: ReturnType<typeof setTimeout> | undefined

  const sorted = computed(() =>
    Object.values(items.value).sort(
      (a, b) => Number(b.pinned) - Number(a.pinned) || (b.last?.seq ?? 0) - (a.last?.seq ?? 0),
    ),
  )
  const anyUnread = computed(() => sorted.value.some((item) => item.unread > 0 || item.marked_unread))
  const unread = computed(() => sorted.value.reduce((sum, item) => sum + (item.muted ? 0 : item.unread), 0))

  /** The head of the log that the answer was true at; null if none came. */
  async function load(): Promise<Seq | null> {
    if (status.value === 'failed') status.value = 'loading'
    try {
      const answer = await useKept().ask('conversations', status.value === 'ready', api.conversations)
      const people = usePeople()
      const groups = useGroups()
      const before = items.value
      items.value = Object.fromEntries(answer.conversations.map((item) => [item.conv, newer(item, before[item.conv], hidden)]))
      answer.conversations.forEach((item) => people.learn(item.peer))
      for (const { conv, draft } of answer.conversations) useDrafts().hear(conv, draft ?? '')
      groups.learnMissing(answer.conversations.flatMap((item) => item.group ?? []))
      counted.upTo(answer.head)
      status.value = 'ready'
      return answer.head
    } catch {
      if (status.value !== 'ready') status.value = 'failed'
      return null
    }
  }

  function loadSoon(): void {
    clearTimeout(reloading)
    reloading = setTimeout(() => void load(), RELOAD_MS)
  }

  function change(conv: Conv, part: Partial<Conversation>): void {
    const item = items.value[conv]
    if (item) items.value = { ...items.value, [conv]: { ...item, ...part } }
  }

  function take(entry: Entry): void {
    const item = items.value[entry.conv]
    if (!item || entry.kind === 'group') {
      if (status.value === 'ready') loadSoon()
      if (!item && entry.kind === 'message') comeBack(entry.conv)
      if (!item) return
    }
    if (entry.kind === 'recall' || entry.kind === 'edit') amend(item, entry)
    if (!LISTED.has(entry.kind)) return
    // The count does not hang on `last`: an ack of mine may have put a later message there already.
    if (isNew(entry, item)) change(entry.conv, { unread: item.unread + 1, mentioned: item.mentioned || mentionsMe(entry) })
    if (entry.seq > (item.last?.seq ?? 0)) change(entry.conv, { last: entry })
  }

  function isNew(entry: Entry, item: Conversation): boolean {
    if (entry.from === useSession().me?.id || !counted.add(entry.seq)) return false
    return entry.kind === 'message' && entry.seq > item.read_seq
  }

  function mentionsMe({ mentions }: Entry): boolean {
    return mentions?.some((id) => id === 0 || id === useSession().me?.id) ?? false
  }

  function amend(item: Conversation, entry: Entry): void {
    if (!item.last || item.last.seq !== entry.target) return
    change(item.conv, { last: entry.kind === 'recall' ? recalled(item.last) : { ...item.last, content: entry.content } })
  }

  /** An entry was deleted for me: what stands before it is the server's to say. */
  function hid(conv: Conv, seq: Seq): void {
    hidden.add(seq)
    if (items.value[conv]?.last?.seq === seq) void load()
  }

  /** Another device of mine, or this one over HTTP, changed what is set for a conversation. */
  function changed({ conv, muted, pinned, hidden, marked_unread }: Nullable<ConversationSettings> & { conv: Conv }): void {
    if (hidden) drop(conv)
    if (hidden != null) loadSoon()
    change(conv, {
      ...(muted != null && { muted }),
      ...(pinned != null && { pinned }),
      ...(marked_unread != null && { marked_unread }),
    })
  }

  /** Sets it here at once, and on the user's other devices; what the server refuses is undone. */
  async function set(conv: Conv, settings: ConversationSettings): Promise<void> {
    const before = items.value[conv]
    changed({ conv, ...settings })
    try {
      await api.setConversation(conv, settings)
    } catch (error) {
      if (before) items.value = { ...items.value, [conv]: before }
      throw error
    }
  }

  /** One that was hidden: the server shows it only while something in it is unread; it is to stay. */
  function comeBack(conv: Conv): void {
    api.setConversation(conv, { hidden: false }).catch(() => undefined)
  }

  function drop(conv: Conv): void {
    items.value = Object.fromEntries(Object.entries(items.value).filter(([key]) => key !== conv))
  }

  /** Every conversation, up to what is its last entry now. */
  function readAll(): void {
    for (const { conv, last } of Object.values(items.value)) read(conv, last?.seq ?? 0)
  }

  /** I have seen everything up to `seq`. */
  function read(conv: Conv, seq: Seq): void {
    const item = items.value[conv]
    if (item?.marked_unread) set(conv, { marked_unread: false }).catch(() => undefined)
    if (!item || (seq <= item.read_seq && item.unread === 0)) return
    change(conv, { read_seq: Math.max(seq, item.read_seq), unread: 0, mentioned: false })
    say(conv, seq)
  }

  function say(conv: Conv, seq: Seq): void {
    if (useLink().transmit({ type: 'read', conv, seq })) unsaid.delete(conv)
    else unsaid.set(conv, seq)
  }

  /** There is a node again. */
  function reconnected(): void {
    unsaid.forEach((seq, conv) => say(conv, seq))
  }

  /** A read signal: from another device of mine, or from the peer. */
  function wasRead(conv: Conv, byMe: boolean, seq: Seq): void {
    const item = items.value[conv]
    if (!item) return
    if (!byMe) change(conv, { peer_read_seq: Math.max(seq, item.peer_read_seq ?? 0) })
    else if (seq > item.read_seq) {
      // Read in part only: the exact count is the server's to say.
      if (seq < (item.last?.seq ?? 0)) loadSoon()
      change(conv, { read_seq: seq, ...(seq >= (item.last?.seq ?? 0) && { unread: 0, mentioned: false }) })
    }
  }

  function $reset(): void {
    clearTimeout(reloading)
    items.value = {}
    status.value = 'loading'
    counted.clear()
    hidden.clear()
    unsaid.clear()
  }

  return { items, sorted, unread, anyUnread, status, load, loadSoon, change, changed, set, take, hid, read, readAll, reconnected, wasRead, $reset }
})

type Nullable<T> = { [K in keyof T]?: T[K] | null }

/** An answer may be older than what already came over the socket. */
function newer(answer: Conversation, known: Conversation | undefined, hidden: ReadonlySet<Seq>): Conversation {
  if (!known) return answer
  const knownLast = known.last && !hidden.has(known.last.seq) ? known.last.seq : 0
  const ahead = knownLast > (answer.last?.seq ?? 0)
  const readAhead = known.read_seq > answer.read_seq
  return {
    ...answer,
    last: ahead ? known.last : answer.last,
    unread: readAhead || ahead ? known.unread : answer.unread,
    read_seq: Math.max(known.read_seq, answer.read_seq),
    peer_read_seq: Math.max(known.peer_read_seq ?? 0, answer.peer_read_seq ?? 0),
  }
}
