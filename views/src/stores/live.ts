// Starts and ends a session's life: opens the local memory, connects, and hands what arrives to the stores.

import { defineStore } from 'pinia'
import { nextTick, watch } from 'vue'
import { Shelf } from '../db/db'
import { api } from '../net/api'
import type { SignalFrame } from '../net/frames'
import { whenUnauthorized } from '../net/http'
import type { Output } from '../net/socket'
import type { Entry, Me, Seq } from '../net/types'
import { useContacts } from './contacts'
import { useDrafts } from './drafts'
import { useConversations } from './conversations'
import { useGroups } from './groups'
import { useKept } from './kept'
import { keepWhatIsShown } from './keeping'
import { useLink } from './link'
import { useMessages } from './messages'
import { usePeople } from './people'
import { useQuotes } from './quotes'
import { useSession } from './session'
import type { EndReason } from './session'

/** The position is written at most this often; an older one only means that a few entries are sent again. */
const PLACE_EVERY_MS = 1_000
/** A node lags behind another by a store poll at most, unless it is in trouble. */
const GAP_MS = 300
const GAP_TRIES_MAX = 10
/** A window that is covered draws no frames. */
const FRAME_LATE_MS = 50
/** More entries in a frame are a flood, not people talking. */
const TALK_MAX = 3
/** A flood is shown this often at least. */
const REST_MS_MAX = 200

export type Listener = (entries: readonly Entry[]) => void

export const useLive = defineStore('live', () => {
  const session = useSession()
  const link = useLink()
  const conversations = useConversations()
  const messages = useMessages()
  const contacts = useContacts()
  const groups = useGroups()
  const people = usePeople()
  const kept = useKept()
  const listeners: Listener[] = []
  const drafts = useDrafts()
  const quotes = useQuotes()
  let shelf: Shelf | null = null
  let placing: ReturnType<typeof setTimeout> | undefined
  let running = 0
  let leaving = false
  /** What came in since the last frame: a flood changes the page once a frame, not once an entry. */
  let gathered: Entry[] = []
  let frame = 0
  let late: ReturnType<typeof setTimeout> | undefined
  /** A flood takes a third of the page's time at most: for twice as long as showing some of it took, the rest waits. */
  let waitUntil = 0

  whenUnauthorized(() => void end('expired'))
  session.whenLeft(() => void end('loggedOut'))
  watch(() => [link.state.position, link.state.epoch], placeSoon)
  keepWhatIsShown()


  async function begin(me: Me): Promise<void> {
    const run = ++running
    people.learn({ ...me, online: true })
    drafts.restore(me.id)
    kept.open(me.id)
    loadLists()
    const opened = await Shelf.open(me.id)
    const [items, place] = opened ? await Promise.all([opened.outbox(), opened.place()]) : [[], null]
    if (run !== running) return opened?.close()
    shelf = opened
    messages.restore(opened, items)
    link.start(place?.position ?? null, place?.epoch ?? null, hear)
  }

  /** The session is over. Its user's memory stays unless he left of his own will. */
  async function end(reason: EndReason): Promise<void> {
    running += 1
    link.stop()
    gathered = []
    clearTimeout(placing)
    placing = undefined
    const memory = shelf
    shelf = null
    session.end(reason)
    // The pages go first: emptied stores would make them ask a server that no longer knows them.
    await nextTick()
    if (reason === 'loggedOut') drafts.erase()
    for (const store of [conversations, messages, quotes, drafts, contacts, groups, people]) store.$reset()
    // What is unsent is his when he comes back; what was read is nobody's any more.
    await kept.erase()
    if (reason === 'loggedOut') await memory?.erase()
    else memory?.close()
  }

  async function logout(): Promise<void> {
    // First the other tabs: what the server does to their sockets looks like a revoked session.
    session.tell('left')
    // Locally it ends even if the server cannot be told; its cookie then ends with the session's lifetime.
    await api.logout().catch(() => undefined)
    await end('loggedOut')
  }

  /** Ends the account for good. */
  async function deleteAccount(password: string): Promise<void> {
    leaving = true
    try {
      await api.deleteMe(password)
      await end('loggedOut')
    } finally {
      leaving = false
    }
  }

  /** What comes in, live or caught up, after the stores have taken it; until the returned function is called. */
  function listen(listener: Listener): () => void {
    listeners.push(listener)
    return () => void listeners.splice(listeners.indexOf(listener), 1)
  }

  function hear(output: Output): void {
    if (output.type === 'entries') return gather(output.entries)
    // What is said of an entry comes after it.
    pour()
    switch (output.type) {
      case 'greeted':
        // Another tab logged in as somebody else: this page's state is not his.
        if (output.user !== session.me?.id) location.reload()
        else {
          messages.reconnected()
          conversations.reconnected()
          if (kept.stale) renew()
          drafts.pushAll()
          if (output.fromNow) void closeGap(output.head, running)
        }
        break
      case 'reload':
        messages.dropTimelines()
        conversations.$reset()
        loadLists()
        break
      case 'acked': {
        const entry = messages.acked(output.cid, output.seq, output.at)
        if (entry) conversations.take(entry)
        break
      }
      case 'refused':
        messages.refused(output.cid, output)
        break
      case 'signal':
        signalled(output.frame)
        break
      case 'loggedOut':
        // Of an account that is being deleted, the server ends the sessions before it answers.
        if (!leaving) void end('revoked')
    }
  }

  function loadLists(): void {
    void conversations.load()
    void contacts.load()
    void groups.load()
  }

  /** The page began with answers of earlier; now there is a server. */
  function renew(): void {
    kept.stale = false
    void session.confirm()
    loadLists()
    messages.refresh()
  }

  /**
   * Without a position the stream begins at `head`, and what was read over HTTP before may end earlier: read again,
   * until the answering node (behind a proxy perhaps another one) has come that far.
   */
  async function closeGap(head: Seq, run: number): Promise<void> {
    for (let tries = 0; tries < GAP_TRIES_MAX && run === running; tries++) {
      const reached = await conversations.load()
      if (reached !== null && reached >= head) break
      await new Promise((resolve) => setTimeout(resolve, GAP_MS))
    }
    if (run === running) messages.refresh()
  }

  function gather(entries: readonly Entry[]): void {
    const first = gathered.length === 0
    gathered = [...gathered, ...entries]
    if (document.visibilityState === 'hidden') pour()
    else if (first) {
      const wait = waitUntil - performance.now()
      if (wait > 0) late = setTimeout(pourSoon, wait)
      else pourSoon()
    }
  }

  function pourSoon(): void {
    frame = requestAnimationFrame(pour)
    late = setTimeout(pour, FRAME_LATE_MS)
  }

  function pour(): void {
    cancelAnimationFrame(frame)
    clearTimeout(late)
    if (gathered.length === 0) return
    const entries = gathered
    gathered = []
    const began = performance.now()
    take(entries)
    // Called when the page has been rendered.
    if (entries.length > TALK_MAX) setTimeout(() => (waitUntil = performance.now() + Math.min(2 * (performance.now() - began), REST_MS_MAX)))
  }

  function take(entries: Entry[]): void {
    messages.take(entries)
    for (const entry of entries) {
      conversations.take(entry)
      groups.take(entry)
      people.stoppedTyping(entry.conv, entry.from)
    }
    if (entries.some((entry) => entry.kind === 'friend')) void contacts.load()
    listeners.forEach((listener) => listener(entries))
  }

  function signalled(frame: SignalFrame): void {
    switch (frame.type) {
      case 'read':
        conversations.wasRead(frame.conv, frame.user === session.me?.id, frame.seq)
        break
      case 'typing':
        if (frame.user !== session.me?.id) people.startedTyping(frame.conv, frame.user)
        break
      case 'presence':
        people.setOnline(frame.user, frame.online)
        break
      case 'profile':
        if (frame.user === session.me?.id) void session.refresh()
        people.refresh(frame.user)
        break
      case 'conversation':
        conversations.changed(frame)
        if (frame.draft != null) drafts.signalled(frame.conv, frame.draft)
        groups.told(frame.conv, frame)
        if (frame.remark != null || frame.blocked != null) void contacts.load()
        if (frame.hidden_entry != null) {
          messages.hidden(frame.conv, frame.hidden_entry)
          conversations.hid(frame.conv, frame.hidden_entry)
        }
    }
  }

  function placeSoon(): void {
    // Not put off by every new entry: a busy log would never let it be written.
    placing ??= setTimeout(() => {
      placing = undefined
      const { position, epoch } = link.state
      if (position !== null && epoch !== null) void shelf?.setPlace({ position, epoch })
    }, PLACE_EVERY_MS)
  }

  return { begin, logout, deleteAccount, listen }
})
