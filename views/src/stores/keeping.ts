// Keeps what the lists and the opened conversations have become since they were asked for.

import { useEventListener } from '@vueuse/core'
import { watch } from 'vue'
import { useConversations } from './conversations'
import { useKept } from './kept'
import { useMessages } from './messages'
import type { Timeline } from './timeline'

/** The newest entries of a conversation that are kept. */
const ENTRIES_KEPT = 100
const CONVERSATIONS_KEPT = 200

export function keepWhatIsShown(): void {
  const kept = useKept()
  const conversations = useConversations()
  const messages = useMessages()

  watch(
    () => conversations.items,
    () => {
      if (conversations.status !== 'ready' || kept.stale) return
      kept.keepSoon('conversations', () => ({ conversations: conversations.sorted.slice(0, CONVERSATIONS_KEPT), head: 0 }))
    },
  )
  watch(
    () => messages.timelines,
    (now, before) => {
      for (const [conv, timeline] of Object.entries(now)) {
        if (timeline.loaded && timeline !== before[conv]) kept.keepSoon(`entries:${conv}`, () => pageOf(timeline))
      }
    },
  )
  useEventListener(window, 'pagehide', kept.flush)
}

/** The end of the timeline in the shape of the server's answer. */
function pageOf(timeline: Timeline) {
  const order = timeline.order.slice(-ENTRIES_KEPT)
  const entries = order.flatMap((seq) => timeline.bySeq.get(seq) ?? [])
  return { entries, more_before: timeline.moreBefore || order.length < timeline.order.length, more_after: false }
}
