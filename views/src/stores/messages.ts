// The timelines of the conversations that were opened or written to, and the outbox.

import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef } from 'vue'
import type { Shelf } from '../db/db'
import { api } from '../net/api'
import { newCid } from '../net/cid'
import { ApiError } from '../net/http'
import type { Conv, Draft, Entry, Seq } from '../net/types'
import { useKept } from './kept'
import { useLink } from './link'
import * as outboxes from './outbox'
import type { Attachment, Outbox, Pending } from './outbox'
import { useSession } from './session'
import { add, addNewer, addNewest, addOlder, cut, emptyTimeline, entryOf, hide, join, partAround, visible } from './timeline'
import type { Message, Timeline } from './timeline'
import type { UploadEnd, Uploads } from './uploads'

/** Messages of a conversation that stay loaded after it was left. */
const KEPT_MAX = 200

/** A place in a list of messages. */
export interface Place {
  seq: Seq
  /** Its pixels above the upper edge. */
  offset: number
  /** In the middle of the view instead, standing out. */
  middle: boolean
}

export const useMessages = defineStore('messages', () => {
  const timelines = shallowRef<Record<Conv, Timeline>>({})
  const outbox = shallowRef<Outbox>([])
  /** Parts apart from the end, where somebody jumped to an old message. */
  const parts = shallowRef<ReadonlyMap<Conv, Timeline>>(new Map())
  /** Conversations whose history did not come, and the code of the failure. */
  const failed = shallowRef<ReadonlyMap<Conv, string>>(new Map())
  /** Where the reader left conversations that he had scrolled up in. */
  const places = new Map<Conv, Place>()
  /** Texts that this page recalled, to be written anew. */
  const takenBack = shallowReactive(new Map<Seq, string>())
  let shelf: Shelf | null = null
  let carrier: Promise<Uploads> | null = null
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
    const part = parts.value.get(conv)
    if (part) return visible(part, [], me.value, timelineOf(conv))
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

  function putPart(conv: Conv, part: Timeline | null): void {
    const joined = part && join(timelineOf(conv), part)
    if (joined) put(conv, joined)
    const next = new Map(parts.value)
    next.delete(conv)
    if (part && !joined) next.set(conv, part)
    parts.value = next
  }

  /** Back to the end of the conversation. */
  function leavePart(conv: Conv): void {
    putPart(conv, null)
  }

  /** Shows the part around an old entry instead of the end. Whether the entry is there. */
  async function around(conv: Conv, seq: Seq): Promise<boolean> {
    if (timelineOf(conv).bySeq.has(seq)) putPart(conv, null)
    else if (!parts.value.get(conv)?.bySeq.has(seq)) {
      const asked = generation
      const page = await api.entries(conv, { around: seq })
      if (asked !== generation || !page.entries.some((entry) => entry.seq === seq)) return false
      putPart(conv, partAround(page.entries, page.more_before, page.more_after))
    }
    return true
  }

  /** The reader has left: what he scrolled past is loaded anew when he wants it. */
  function left(conv: Conv, place: Place | null): void {
    if (place) {
      places.set(conv, place)
      return
    }
    places.delete(conv)
    if (timelineOf(conv).order.length > KEPT_MAX) put(conv, cut(timelineOf(conv), KEPT_MAX))
  }

  /** Takes an entry out of what is shown, as the server has for this user. */
  function hidden(conv: Conv, seq: Seq): void {
    put(conv, hide(timelineOf(conv), seq))
  }

  /** Loads the newest page unless it is there already. */
  async function open(conv: Conv): Promise<void> {
    if (!timelineOf(conv).loaded && !opening.has(conv)) await newest(conv)
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
      const page = await useKept().ask(`entries:${conv}`, timelineOf(conv).loaded, () => api.entries(conv))
      return () => {
        opening.delete(conv)
        put(conv, addNewest(timelineOf(conv), page.entries, page.more_before))
      }
    })
  }

  /** Loads the page before the oldest message of what is shown. */
  async function older(conv: Conv): Promise<void> {
    const shown = parts.value.get(conv) ?? timelineOf(conv)
    const first = shown.order[0]
    if (!shown.loaded || !shown.moreBefore || first === undefined) return
    await load(conv, async () => {
      const page = await api.entries(conv, { before: first })
      return () => {
        const part = parts.value.get(conv)
        const grown = addOlder(part ?? timelineOf(conv), page.entries, page.more_before && page.entries.length > 0)
        if (part) putPart(conv, grown)
        else put(conv, grown)
      }
    })
  }

  /** Loads the page after the newest message of a part. */
  async function newer(conv: Conv): Promise<void> {
    const last = parts.value.get(conv)?.order.at(-1)
    if (last === undefined) return
    await load(conv, async () => {
      const page = await api.entries(conv, { after: last })
      return () => {
        const part = parts.value.get(conv)
        if (part) putPart(conv, addNewer(part, page.entries, page.more_after && page.entries.length > 0))
      }
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

  /** With an attachment, the draft lacks what the upload's answer will say. */
  function send(conv: Conv, draft: Draft, attachment: Attachment | null = null): void {
    const item = { cid: newCid(), conv, draft, attachment, createdAt: Date.now() }
    outbox.value = outboxes.push(outbox.value, item)
    if (attachment) withUploads((uploads) => uploads.show(item.cid, attachment))
    keep(item.cid)
    flush()
  }

  function keep(cid: string): void {
    const item = outbox.value.find((one) => one.cid === cid)
    // A full disk costs the memory of this message, not the message.
    if (item) shelf?.keep(item).catch(() => undefined)
  }

  function retry(cid: string): void {
    outbox.value = outboxes.retry(outbox.value, cid)
    flush()
  }

  function forget(cid: string): void {
    if (!outbox.value.some((item) => item.cid === cid)) return
    if (carrier) withUploads((uploads) => uploads.stop(cid))
    outbox.value = outboxes.remove(outbox.value, cid)
    void shelf?.drop(cid)
    flush()
  }

  /** Transmits what is due; called after every change and when a wait ends. */
  function flush(): void {
    clearTimeout(pump)
    const link = useLink()
    if (!link.live) return
    if (outboxes.toUpload(outbox.value).length > 0) withUploads(startUploads)
    const now = performance.now()
    const { outbox: next, send: frames, again } = outboxes.due(outbox.value, now)
    outbox.value = next
    for (const { cid, conv, draft } of frames) link.transmit({ type: 'send', cid, to: conv, ...draft })
    if (again !== null) pump = setTimeout(flush, again - now + 1)
  }

  /** Loaded with the first attachment. */
  function withUploads(act: (uploads: Uploads) => void): void {
    carrier ??= import('./uploads').then(({ useUploads }) => useUploads())
    // Not reached now, they are asked for again with the next change.
    carrier.then(act, () => (carrier = null))
  }

  function startUploads(uploads: Uploads): void {
    for (const item of outboxes.toUpload(outbox.value)) uploads.start(item, uploadEnded)
  }

  function uploadEnded(cid: string, end: UploadEnd): void {
    if (end.type === 'done') outbox.value = outboxes.uploaded(outbox.value, cid, end.part)
    else if (end.type === 'refused') outbox.value = outboxes.fail(outbox.value, cid, end)
    if (end.type !== 'later') keep(cid)
    flush()
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
    if (outbox.value.some((one) => one.cid === cid && one.state === 'failed')) keep(cid)
    flush()
  }

  function restore(opened: Shelf | null, items: readonly Pending[]): void {
    shelf = opened
    const reopened = outboxes.reopen(items.map((item) => ({ ...item, notBefore: 0 })))
    for (const { cid, attachment } of reopened) if (attachment) withUploads((uploads) => uploads.show(cid, attachment))
    // What was written while the memory was opened comes after what it held.
    const written = outbox.value
    outbox.value = [...reopened, ...written]
    written.forEach(({ cid }) => keep(cid))
  }

  /** Drops every timeline, as after a `reset`; the outbox stays. */
  function dropTimelines(): void {
    generation += 1
    opening.clear()
    timelines.value = {}
    parts.value = new Map()
    failed.value = new Map()
  }

  function $reset(): void {
    clearTimeout(pump)
    dropTimelines()
    if (carrier) withUploads((uploads) => uploads.$reset())
    outbox.value = []
    places.clear()
    takenBack.clear()
    shelf = null
  }

  return {
    timelines, parts, outbox, failed, places, takenBack,
    timelineOf, listOf, take, hidden, left, around, leavePart, open, refresh, older, newer, send, retry, forget, flush, reconnected, acked, refused, restore,
    dropTimelines, $reset,
  }
})

function grouped(entries: readonly Entry[]): Map<Conv, Entry[]> {
  const found = new Map<Conv, Entry[]>()
  for (const entry of entries) found.set(entry.conv, [...(found.get(entry.conv) ?? []), entry])
  return found
}
