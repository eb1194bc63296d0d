// Messages that others refer to, loaded or not.

import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { api } from '../net/api'
import type { Conv, Entry, Seq } from '../net/types'
import { useMessages } from './messages'
import { current } from './timeline'

const KEPT_MAX = 500

export const useQuotes = defineStore('quotes', () => {
  /** Of those that no timeline holds; null: not to be seen. */
  const fetched = shallowReactive(new Map<Seq, Entry | null>())
  const asking = new Set<Seq>()

  /** The message as it is now; what is not loaded is asked for. Undefined until it is known. */
  function entryOf(conv: Conv, seq: Seq): Entry | null | undefined {
    const messages = useMessages()
    const timeline = messages.timelineOf(conv)
    if (timeline.hidden.has(seq)) return null
    const entry = timeline.bySeq.get(seq) ?? messages.parts.get(conv)?.bySeq.get(seq) ?? fetched.get(seq)
    if (entry === undefined) void ask(conv, seq)
    return entry && current(timeline, [entry])[0]
  }

  async function ask(conv: Conv, seq: Seq): Promise<void> {
    if (asking.has(seq)) return
    asking.add(seq)
    try {
      const { entries } = await api.entries(conv, { around: seq }, 1)
      fetched.set(seq, entries.find((entry) => entry.seq === seq) ?? null)
      const oldest = fetched.keys().next().value
      if (fetched.size > KEPT_MAX && oldest !== undefined) fetched.delete(oldest)
    } catch {
      // Asked again when it is shown again.
    } finally {
      asking.delete(seq)
    }
  }

  function $reset(): void {
    fetched.clear()
    asking.clear()
  }

  return { entryOf, $reset }
})
