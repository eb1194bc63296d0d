// The uploads under way: how far each is, and what a row can show of its bytes before the server has them.

import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { ApiError } from '../net/http'
import type { Draft } from '../net/types'
import { upload } from '../net/upload'
import type { Upload } from '../net/upload'
import { attached } from './attachment'
import type { Attachment, Pending, Refusal } from './outbox'

/** How an upload ended; `later`: it was not taken, but may be if tried again. */
export type UploadEnd = { type: 'done'; part: Partial<Draft> } | ({ type: 'refused' } & Refusal) | { type: 'later' }

/** Object URLs of this page. */
export interface Local {
  readonly url: string
  readonly poster: string | null
}

const PASSING: ReadonlySet<string> = new Set(['network', 'unavailable', 'rate_limited'])
const TRIES_MAX = 3
const RETRY_MS = 2_000
/** Sent files of which the page's own copy is still shown; more would only hold memory. */
const LOCAL_MAX = 30

export const useUploads = defineStore('uploads', () => {
  /** The part that is on its way, 0 to 1, by cid. */
  const progress = shallowReactive(new Map<string, number>())
  const local = shallowReactive(new Map<string, Local>())
  const running = new Map<string, { call: Upload | null; stopped: boolean }>()
  const tries = new Map<string, number>()

  function show(cid: string, { file, poster }: Attachment): void {
    if (local.has(cid)) return
    local.set(cid, { url: URL.createObjectURL(file), poster: poster ? URL.createObjectURL(poster) : null })
    progress.set(cid, 0)
    for (const old of local.keys()) {
      if (local.size <= LOCAL_MAX) break
      if (!progress.has(old)) hide(old)
    }
  }

  function hide(cid: string): void {
    const shown = local.get(cid)
    if (!shown) return
    URL.revokeObjectURL(shown.url)
    if (shown.poster) URL.revokeObjectURL(shown.poster)
    local.delete(cid)
  }

  /** Starts the upload of a message unless it runs already. */
  function start(item: Pending, ended: (cid: string, end: UploadEnd) => void): void {
    const { cid, attachment } = item
    if (!attachment || running.has(cid)) return
    const run = { call: null as Upload | null, stopped: false }
    running.set(cid, run)
    progress.set(cid, 0)

    async function send(file: Blob, name: string, told: (part: number) => void) {
      if (run.stopped) throw new ApiError(0, 'aborted', '')
      run.call = upload(file, name, told)
      return run.call.done
    }

    async function carry(attachment: Attachment): Promise<UploadEnd> {
      const poster = attachment.poster ? await send(attachment.poster, 'poster.jpg', () => undefined) : null
      const file = await send(attachment.file, attachment.name, (part) => progress.set(cid, part))
      return { type: 'done', part: attached(item.draft, file, poster) }
    }

    void carry(attachment)
      .catch((error: unknown) => refused(cid, error))
      .then(async (end) => {
        if (end.type === 'later') await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        if (run.stopped) return
        running.delete(cid)
        if (end.type === 'done') progress.delete(cid)
        if (end.type !== 'later') tries.delete(cid)
        ended(cid, end)
      })
  }

  function refused(cid: string, error: unknown): UploadEnd {
    if (!(error instanceof ApiError)) return { type: 'refused', code: 'internal', message: '' }
    const tried = (tries.get(cid) ?? 0) + 1
    tries.set(cid, tried)
    if (PASSING.has(error.code) && tried < TRIES_MAX) return { type: 'later' }
    return { type: 'refused', code: error.code, message: error.message }
  }

  /** The message is given up, or was sent: nothing of it goes on. */
  function stop(cid: string): void {
    const run = running.get(cid)
    if (run) {
      run.stopped = true
      run.call?.abort()
      running.delete(cid)
    }
    // Never sent, it will not be shown again; sent, its copy spares a download.
    if (progress.delete(cid)) hide(cid)
    tries.delete(cid)
  }

  function $reset(): void {
    for (const cid of [...running.keys()]) stop(cid)
    for (const cid of [...local.keys()]) hide(cid)
    progress.clear()
    tries.clear()
  }

  return { progress, local, show, start, stop, $reset }
})
