// The list of conversations: last message, unread count, read positions.

import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../net/api'
import type { Conv, Conversation, ConversationSettings, Entry, Seq } from '../net/types'
import { useLink } from './link'
import { usePeople } from './people'
import { useSession } from './session'

/** Entries that are listed as the last thing that happened. */
const LISTED: ReadonlySet<string> = new Set(['message', 'joined', 'left', 'group', 'friend', 'notice'])
/** Several unknown conversations at once cost one request. */
const RELOAD_MS = 150

export const useConversations = defineStore('conversations', () => {
  const items = ref<Record<Conv, Conversation>>({})
  const status = ref<'loading' | 'ready' | 'failed'>('loading')
  /** Others' entries up to here are in the unread counts, by the server or by `take`; later ones are to be counted. */
  let counted: Seq = 0
  let reloading: ReturnType<typeof setTimeout> | undefined

  const sorted = computed(() =>
    Object.values(items.value).sort(
      (a, b) => Number(b.pinned) - Number(a.pinned) || (b.last?.seq ?? 0) - (a.last?.seq ?? 0),
    ),
  )
  const unread = computed(() => sorted.value.reduce((sum, item) => sum + (item.muted ? 0 : item.unread), 0))

  /** The head of the log that the answer was true at; null if none came. */
  async function load(): Promise<Seq | null> {
    if (status.value === 'failed') status.value = 'loading'
    try {
      const answer = await api.conversations()
      const people = usePeople()
      const before = items.value
      items.value = Object.fromEntries(answer.conversations.map((item) => [item.conv, newer(item, before[item.conv])]))
      answer.conversations.forEach((item) => people.learn(item.peer))
      counted = Math.max(counted, answer.head)
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
      if (!item) return
    }
    if (entry.kind === 'recall' || entry.kind === 'edit') amend(item, entry)
    if (!LISTED.has(entry.kind)) return
    // The count does not hang on `last`: an ack of mine may have put a later message there already.
    if (isNew(entry, item)) change(entry.conv, { unread: item.unread + 1 })
    if (entry.seq > (item.last?.seq ?? 0)) change(entry.conv, { last: entry })
  }

  function isNew(entry: Entry, item: Conversation): boolean {
    if (entry.from === useSession().me?.id || entry.seq <= counted) return false
    counted = entry.seq
    return entry.kind === 'message' && entry.seq > item.read_seq
  }

  function amend(item: Conversation, entry: Entry): void {
    if (!item.last || item.last.seq !== entry.target) return
    const recalled = entry.kind === 'recall'
    change(item.conv, { last: { ...item.last, recalled, content: recalled ? '' : entry.content } })
  }

  /** Another device of mine, or this one over HTTP, changed what is set for a conversation. */
  function changed({ conv, muted, pinned, hidden, draft, marked_unread }: Nullable<ConversationSettings> & { conv: Conv }): void {
    if (hidden != null) loadSoon()
    change(conv, {
      ...(muted != null && { muted }),
      ...(pinned != null && { pinned }),
      ...(draft != null && { draft }),
      ...(marked_unread != null && { marked_unread }),
    })
  }

  /** Sets it here and on the user's other devices. */
  async function set(conv: Conv, settings: ConversationSettings): Promise<void> {
    await api.setConversation(conv, settings)
    changed({ conv, ...settings })
  }

  /** I have seen everything up to `seq`. */
  function read(conv: Conv, seq: Seq): void {
    const item = items.value[conv]
    if (!item || (seq <= item.read_seq && item.unread === 0)) return
    change(conv, { read_seq: Math.max(seq, item.read_seq), unread: 0 })
    useLink().transmit({ type: 'read', conv, seq })
  }

  /** A read signal: from another device of mine, or from the peer. */
  function wasRead(conv: Conv, byMe: boolean, seq: Seq): void {
    const item = items.value[conv]
    if (!item) return
    if (!byMe) change(conv, { peer_read_seq: Math.max(seq, item.peer_read_seq ?? 0) })
    else if (seq > item.read_seq) {
      // Read in part only: the exact count is the server's to say.
      if (seq < (item.last?.seq ?? 0)) loadSoon()
      change(conv, { read_seq: seq, unread: seq >= (item.last?.seq ?? 0) ? 0 : item.unread })
    }
  }

  function $reset(): void {
    clearTimeout(reloading)
    items.value = {}
    status.value = 'loading'
    counted = 0
  }

  return { items, sorted, unread, status, load, loadSoon, change, changed, set, take, read, wasRead, $reset }
})

type Nullable<T> = { [K in keyof T]?: T[K] | null }

/** An answer may be older than what already came over the socket. */
function newer(answer: Conversation, known: Conversation | undefined): Conversation {
  if (!known) return answer
  const ahead = (known.last?.seq ?? 0) > (answer.last?.seq ?? 0)
  const readAhead = known.read_seq > answer.read_seq
  return {
    ...answer,
    last: ahead ? known.last : answer.last,
    unread: readAhead || ahead ? known.unread : answer.unread,
    read_seq: Math.max(known.read_seq, answer.read_seq),
    peer_read_seq: Math.max(known.peer_read_seq ?? 0, answer.peer_read_seq ?? 0),
  }
}
