// The timelines of the conversations that were opened or written to, and the outbox.

import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { Shelf } from '../db/db'
import { api } from '../net/api'
import { newCid } from '../net/cid'
import { ApiError } from '../net/http'
import type { Conv, Draft, Entry } from '../net/types'
import { useLink } from './link'
import * as outboxes from './outbox'
import type { Outbox, Pending } from './outbox'
import { useSession } from './session'
import { add, addNewest, addOlder, emptyTimeline, entryOf, visible } from './timeline'
import type { Message, Timeline } from './timeline'

export const useMessages = defineStore('messages', () => {
  const timelines = shallowRef<Record<Conv, Timeline>>({})
  const outbox = shallowRef<Outbox>([])
  /** Conversations whose history did not come, and the code of the failure. */
  const failed = shallowRef<ReadonlyMap<Conv, string>>(new Map())
  /** What was typed and not sent, by conversation; kept while the page lives. */
  const drafts = new Map<Conv, string>()
  let shelf: Shelf | null = null
  let pump: ReturnType<typeof setTimeout> | undefined
  /** Conversations whose newest page was asked for and has not come. */
  const opening = new Set<Conv>()
  /** Answers to questions asked before a reset are about another log. */
  let generation = 0

  const me = computed(() => useSession().me?.id ?? 0)

  function timelineOf(conv: Conv): Timeline {
    return timelines.value[conv] ?? emptyTimeline
  }

  function listOf(conv: Conv): Message[] {
    const pending = outbox.value.filter((item) => item.conv === conv)
    return visible(timelineOf(conv), pending, me.value)
  }

  function put(conv: Conv, timeline: Timeline): void {
    timelines.value = { ...timelines.value, [conv]: timeline }
  }

  function take(entries: readonly Entry[]): void {
        const next = { ...timelines.value }
    for (const [conv, group] of grouped(entries)) next[conv] = add(next[conv] ?? emptyTimeline, group)
    timelines.value = next
    for (const entry of entries) {
      if (entry.from === me.value && entry.cid) forget(entry.cid)
    }
  }

  /** Loads the newest page unless it is there already. */
  async function open(conv: Conv): Promise<void> {
    if (!timelineOf(conv).loaded) await newest(conv)
  }

  /** Asks again for the newest page of everything shown or asked for: answers from before may lack entries. */
  function refresh(): void {
    generation += 1
    const shown = Object.keys(timelines.value).filter((conv) => timelineOf(conv).loaded)
    for (const conv of new Set([...shown, ...opening])) void newest(conv)
  }

  async function newest(conv: Conv): Promise<void> {
    opening.add(conv)
    await load(conv, async () => {
      const page = await api.entries(conv)
      return () => {
        opening.delete(conv)
        put(conv, addNewest(timelineOf(conv), page.entries, page.more_before))
      }
    })
  }

  /** Loads the page before the oldest message. */
  async function older(conv: Conv): Promise<void> {
    const timeline = timelineOf(conv)
    const first = timeline.order[0]
    if (!timeline.loaded || !timeline.moreBefore || first === undefined) return
    await load(conv, async () => {
      const page = await api.entries(conv, { before: first })
      return () => put(conv, addOlder(timelineOf(conv), page.entries, page.more_before && page.entries.length > 0))
    })
  }

  async function load(conv: Conv, ask: () => Promise<() => void>): Promise<void> {
    const asked = generation
    try {
      const apply = await ask()
      if (asked !== generation) return
      apply()
      setFailed(conv, null)
    } catch (error) {
      if (asked !== generation) return
      opening.delete(conv)
      setFailed(conv, error instanceof ApiError ? error.code : 'internal')
    }
  }

  function setFailed(conv: Conv, code: string | null): void {
    const next = new Map(failed.value)
    if (code === null) next.delete(conv)
    else next.set(conv, code)
    failed.value = next
  }

  function send(conv: Conv, draft: Draft): void {
    const item = { cid: newCid(), conv, draft, createdAt: Date.now() }
    outbox.value = outboxes.push(outbox.value, item)
    const kept = outbox.value.at(-1)
    if (kept) void shelf?.keep(kept)
    flush()
  }

  function retry(cid: string): void {
    outbox.value = outboxes.retry(outbox.value, cid)
    flush()
  }

  function forget(cid: string): void {
    if (!outbox.value.some((item) => item.cid === cid)) return
    outbox.value = outboxes.remove(outbox.value, cid)
    void shelf?.drop(cid)
    flush()
  }

  /** Transmits what is due; called after every change and when a wait ends. */
  function flush(): void {
    clearTimeout(pump)
    const link = useLink()
    if (!link.live) return
    const now = performance.now()
    const { outbox: next, send: frames, again } = outboxes.due(outbox.value, now)
    outbox.value = next
    for (const { cid, conv, draft } of frames) link.transmit({ type: 'send', cid, to: conv, ...draft })
    if (again !== null) pump = setTimeout(flush, again - now + 1)
  }

  /** The socket is new: whatever was under way is sent again under the same cid. */
  function reconnected(): void {
    outbox.value = outboxes.reopen(outbox.value)
    flush()
  }

  /** The entry that the acknowledged message became, or null if it was known already. */
  function acked(cid: string, seq: number, at: number): Entry | null {
    const item = outbox.value.find((one) => one.cid === cid)
    if (!item) return null
    const entry = entryOf(item, me.value, seq, at)
    take([entry])
    return entry
  }

  function refused(cid: string, refusal: { code: string; message: string; retryAfter: number | null }): void {
    outbox.value = outboxes.refuse(outbox.value, cid, refusal, performance.now())
    const item = outbox.value.find((one) => one.cid === cid)
    if (item?.state === 'failed') void shelf?.keep(item)
    flush()
  }

  function restore(opened: Shelf | null, items: readonly Pending[]): void {
    shelf = opened
    outbox.value = outboxes.reopen(items.map((item) => ({ ...item, notBefore: 0 })))
  }

  /** Drops every timeline, as after a `reset`; the outbox stays. */
  function dropTimelines(): void {
    generation += 1
    opening.clear()
    timelines.value = {}
    failed.value = new Map()
  }

  function $reset(): void {
    clearTimeout(pump)
    dropTimelines()
    outbox.value = []
    drafts.clear()
    shelf = null
  }

  return {
    timelines, outbox, failed, drafts,
    timelineOf, listOf, take, open, refresh, older, send, retry, forget, flush, reconnected, acked, refused, restore,
    dropTimelines, $reset,
  }
})

function grouped(entries: readonly Entry[]): Map<Conv, Entry[]> {
  const found = new Map<Conv, Entry[]>()
  for (const entry of entries) found.set(entry.conv, [...(found.get(entry.conv) ?? []), entry])
  return found
}
