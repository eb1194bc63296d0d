// Going to a message that may not be loaded, and back.

import { nextTick, ref, shallowRef } from 'vue'
import type { Ref } from 'vue'
import { t } from '@/i18n'
import { errorText } from '@/i18n/errors'
import type { Conv, Seq } from '@/net/types'
import { useMessages } from '@/stores/messages'
import type { Place } from '@/stores/messages'
import { useNotices } from '@/stores/notices'

interface List {
  show(seq: Seq): boolean
}

export function useJump(conv: Conv, list: Readonly<Ref<List | null>>) {
  const messages = useMessages()
  const notices = useNotices()
  /** Counts the lists: each that begins elsewhere is a new one. */
  const view = ref(0)
  const start = shallowRef<Place | null>(messages.places.get(conv) ?? null)
  const back = ref<Seq | null>(null)

  async function go(seq: Seq): Promise<boolean> {
    if (list.value?.show(seq)) return true
    try {
      if (!(await messages.around(conv, seq))) {
        notices.show(t('chat.quoteGone'))
        return false
      }
    } catch (error) {
      notices.show(errorText(error))
      return false
    }
    start.value = { seq, offset: 0, middle: true }
    view.value += 1
    await nextTick()
    return true
  }

  async function jump(seq: Seq, from: Seq | null): Promise<void> {
    if (await go(seq)) back.value = from
  }

  function goBack(): void {
    const seq = back.value
    back.value = null
    if (seq !== null) void go(seq)
  }

  /** To the end of the conversation. */
  function latest(): void {
    back.value = null
    if (!messages.parts.has(conv)) return
    messages.leavePart(conv)
    start.value = null
    view.value += 1
  }

  return { view, start, back, jump, goBack, latest }
}
