// The text of the composer: kept as a draft while it is being written, unless it is a message that is being edited.

import { nextTick, onMounted, ref, watch } from 'vue'
import type { Ref } from 'vue'
import type { Task } from './chat'
import type { Conv } from '@/net/types'
import { useDrafts } from '@/stores/drafts'

/** Six lines of 22 px and the padding. */
const HEIGHT_MAX = 6 * 22 + 18

export function useText(conv: Conv, field: Readonly<Ref<HTMLTextAreaElement | null>>, task: Ref<Task | null>) {
  const drafts = useDrafts()
  const text = ref(drafts.items.get(conv)?.text ?? '')
  const editing = () => task.value?.kind === 'edit'

  function place(caret: number): void {
    void nextTick(() => field.value?.setSelectionRange(caret, caret))
  }

  /** Puts a text in place of what was typed, to be edited. */
  function refill(words: string): void {
    text.value = words
    field.value?.focus()
    place(words.length)
  }

  function fit(): void {
    const area = field.value
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight + 2, HEIGHT_MAX)}px`
  }

  watch(text, (words) => {
    void nextTick(fit)
    if (!editing() && words !== (drafts.items.get(conv)?.text ?? '')) drafts.write(conv, words, field.value?.selectionStart ?? words.length)
  })
  // Written on another device of mine, or remembered by this one a moment after the page was there.
  watch(
    () => drafts.items.get(conv)?.text ?? '',
    (words) => {
      if (!editing() && words !== text.value) text.value = words
    },
  )
  watch(task, (now, before) => {
    if (now?.kind === 'edit') refill(now.entry.content ?? '')
    else if (before?.kind === 'edit') text.value = drafts.items.get(conv)?.text ?? ''
    if (now) field.value?.focus()
  })
  onMounted(() => {
    const kept = drafts.items.get(conv)
    if (!kept) return
    fit()
    place(kept.caret)
  })

  function moved(): void {
    if (!editing()) drafts.place(conv, field.value?.selectionStart ?? 0)
  }

  return { text, refill, moved }
}
