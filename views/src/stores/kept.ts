// Asks the server, and falls back to the answer it gave before when it cannot be reached.

import { defineStore } from 'pinia'
import { ref } from 'vue'
import { Cache } from '../db/cache'
import { ApiError } from '../net/http'
import type { UserId } from '../net/types'

/** Changes of lists and conversations are written at most this often. */
const KEEP_EVERY_MS = 2_000

export const useKept = defineStore('kept', () => {
  /** Something that is shown is an answer of earlier. */
  const stale = ref(false)
  let cache: Promise<Cache> | null = null
  const waiting = new Map<string, () => unknown>()
  let clock: ReturnType<typeof setTimeout> | undefined

  function open(user: UserId): void {
    void cache?.then((before) => before.close())
    cache = Cache.open(user)
  }

  function put(key: string, value: unknown): void {
    void cache?.then((open) => open.put(key, value))
  }

  /** `shown`: something newer than the kept answer is on the page already. */
  async function ask<T>(key: string, shown: boolean, question: () => Promise<T>): Promise<T> {
    try {
      const answer = await question()
      put(key, answer)
      return answer
    } catch (error) {
      if (shown || !(error instanceof ApiError) || !isAway(error)) throw error
      const before = await cache?.then((open) => open.get(key))
      if (before === undefined) throw error
      stale.value = true
      return before as T
    }
  }

  /** Replaces a kept answer by what became of it; soon, not at every change. */
  function keepSoon(key: string, value: () => unknown): void {
    waiting.set(key, value)
    clock ??= setTimeout(flush, KEEP_EVERY_MS)
  }

  function flush(): void {
    clearTimeout(clock)
    clock = undefined
    for (const [key, value] of waiting) put(key, value())
    waiting.clear()
  }

  async function erase(): Promise<void> {
    clearTimeout(clock)
    clock = undefined
    waiting.clear()
    stale.value = false
    const dropped = await cache
    cache = null
    await dropped?.erase()
  }

  const size = async () => (await cache)?.size() ?? 0
  const clear = async () => (await cache)?.clear()

  return { stale, open, ask, keepSoon, flush, size, clear, erase }
})

/** Whether nobody answered who could know: no network, or a proxy without a node behind it. */
export function isAway(error: ApiError): boolean {
  return error.status === 0 || (error.status >= 502 && error.status <= 504)
}
