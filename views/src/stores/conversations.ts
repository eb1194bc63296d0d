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
/** A node that stays behind the one that told of an entry is asked this seldom. */
const RELOAD_MS_MAX = 10_000

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
  /** What an answer has to reach: the latest entry whose conversation was not listed when it came. */
  let missed: Seq = 0
  let wait = RELOAD_MS

  const sorted = computed(() =>
    Object.values(items.value).sort(
      (a, b) => Number(b.pinned) - Number(a.pinned) || (b.last?.seq ?? 0) - (a.last?.seq ?? 0),
    ),
  )
  const unread = computed(() => sorted.value.reduce((sum, item) => sum + (item.muted ? 0 : item.unread), 0))

  /** The head of the log that the answer was true at; null if none came. */
  async function load(): Promise<Seq | null> {
    clearTimeout(reloading)
    reloading = undefined
    if (status.value === 'failed') status.value = 'loading'
    const drafts = useDrafts()
    const mark = drafts.mark()
    try {
      const answer = await useKept().ask('conversations', status.value === 'ready', api.conversations)
      missed = Math.max(missed, counted.through)
      // Asked before that entry, or of another node that has not come as far.
      wait = answer.head < missed ? Math.min(2 * wait, RELOAD_MS_MAX) : RELOAD_MS
      if (answer.head < missed) loadSoon()
      // The counts cannot go back.
      if (answer.head < counted.through) return answer.head
      const people = usePeople()
      const groups = useGroups()
      const before = items.value
      items.value = Object.fromEntries(answer.conversations.map((item) => [item.conv, newer(item, before[item.conv], answer.head)]))
      answer.conversations.forEach((item) => people.learn(item.peer))
      for (const { conv, draft } of answer.conversations) drafts.listed(conv, draft ?? '', mark)
      groups.learnMissing(answer.conversations.flatMap((item) => item.group ?? []))
      counted.upTo(answer.head)
      status.value = 'ready'
      return answer.head
    } catch {
      if (status.value !== 'ready') status.value = 'failed'
      return null
    }
  }

  /** An answer, true at `head`, may be older than what already came over the socket. */
  function newer(answer: Conversation, known: Conversation | undefined, head: Seq): Conversation {
    if (!known) return answer
    const ahead = known.last && !hidden.has(known.last.seq) && known.last.seq > (answer.last?.seq ?? 0)
    const readAhead = known.read_seq > answer.read_seq
    const later = counted.above(Math.max(head, answer.read_seq), answer.conv)
    return {
      ...answer,
      last: ahead ? known.last : answer.last,
      unread: readAhead ? known.unread : answer.unread + later,
      mentioned: readAhead ? known.mentioned : answer.mentioned || (later > 0 && known.mentioned),
      read_seq: Math.max(known.read_seq, answer.read_seq),
      peer_read_seq: Math.max(known.peer_read_seq ?? 0, answer.peer_read_seq ?? 0),
    }
  }

  function loadSoon(): void {
    // Not put off by every new entry: where they do not cease it would never come.
    reloading ??= setTimeout(() => void load(), wait)
  }

  function change(conv: Conv, part: Partial<Conversation>): void {
    const item = items.value[conv]
    if (item) items.value = { ...items.value, [conv]: { ...item, ...part } }
  }

  function take(entry: Entry): void {
    const item = items.value[entry.conv]
    if (!item || entry.kind === 'group') {
      missed = Math.max(missed, entry.seq)
      if (status.value === 'ready') loadSoon()
      if (!item) return
    }
    if (entry.kind === 'recall' || entry.kind === 'edit') amend(item, entry)
    if (!LISTED.has(entry.kind)) return
    // The count does not hang on `last`: an ack of mine may have put a later message there already.
    if (isNew(entry, item)) change(entry.conv, { unread: item.unread + 1, mentioned: item.mentioned || mentionsMe(entry) })
    if (entry.seq > (item.last?.seq ?? 0)) change(entry.conv, { last: entry })
  }

  function isNew(entry: Entry, item: Conversation): boolean {
    if (entry.from === useSession().me?.id) return false
    const unread = entry.kind === 'message' && entry.seq > item.read_seq
    return counted.add(entry.seq, unread ? entry.conv : null) && unread
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

  function drop(conv: Conv): void {
    items.value = Object.fromEntries(Object.entries(items.value).filter(([key]) => key !== conv))
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
    reloading = undefined
    items.value = {}
    status.value = 'loading'
    counted.clear()
    hidden.clear()
    unsaid.clear()
    missed = 0
    wait = RELOAD_MS
  }

  return { items, sorted, unread, status, load, loadSoon, change, changed, set, take, hid, read, reconnected, wasRead, $reset }
})

type Nullable<T> = { [K in keyof T]?: T[K] | null }
