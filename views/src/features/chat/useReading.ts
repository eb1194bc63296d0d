// What the reader has seen: says "read" when he really has, and remembers where the new messages began.

import { useDocumentVisibility } from '@vueuse/core'
import { computed, onBeforeUnmount, ref, watch } from 'vue'
import type { Ref } from 'vue'
import type { Conv, Seq } from '@/net/types'
import { useConversations } from '@/stores/conversations'
import { useMessages } from '@/stores/messages'

/** A short rest before "read" is said, so that passing by is not reading. */
const READ_MS = 100
/** Where messages keep coming faster than that, it is said this often. */
const READ_MS_MAX = 1_000

/** `atEnd`: the last message is in view. */
export function useReading(conv: Conv, atEnd: Ref<boolean>) {
  const messages = useMessages()
  const conversations = useConversations()
  const visibility = useDocumentVisibility()
  const item = computed(() => conversations.items[conv])
  const timeline = computed(() => messages.timelineOf(conv))
  /** The read position on arrival: where "new messages" stands until something is sent. */
  const unreadAfter = ref<Seq | null>(null)

  /** Who wrote before the list of conversations came has no new messages to be led to. */
  let answered = false
  const dismiss = () => ((answered = true), (unreadAfter.value = null))

  watch(
    item,
    (found, before) => {
      if (found && !before && !answered && unreadAfter.value === null && found.unread > 0) unreadAfter.value = found.read_seq
    },
    { immediate: true },
  )

  const canRead = computed(
    () =>
      visibility.value === 'visible' &&
      atEnd.value &&
      timeline.value.loaded &&
      !messages.parts.has(conv) &&
      !messages.failed.has(conv),
  )

  const arrived = performance.now()
  let said = false
  let since: number | null = null
  let resting: ReturnType<typeof setTimeout> | undefined

  function rest(): void {
    const now = performance.now()
    since ??= now
    clearTimeout(resting)
    // What is there on arrival rests while it loads.
    resting = setTimeout(sayRead, Math.min((said ? now : arrived) + READ_MS, since + READ_MS_MAX) - now)
  }

  function sayRead(): void {
    since = null
    const seen = timeline.value.order.at(-1)
    if (!canRead.value || seen === undefined) return
    said = true
    conversations.read(conv, seen)
  }

  watch([canRead, () => timeline.value.order.at(-1), () => item.value?.unread], ([can]) => can && rest(), { immediate: true })
  // What arrives while the rest lasts is not seen by who left meanwhile.
  onBeforeUnmount(() => clearTimeout(resting))

  return { dismiss, unreadAfter }
}
