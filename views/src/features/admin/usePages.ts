// A list that comes in pages: the first, the next ones, and what went wrong.

import { ref, shallowRef } from 'vue'
import { errorText } from '@/i18n/errors'

export function usePages<T>(ask: (cursor?: string) => Promise<{ items: T[]; next: string | null }>) {
  const items = shallowRef<readonly T[] | null>(null)
  const next = ref<string | null>(null)
  const problem = ref<string | null>(null)
  /** Two deeds at once could undo each other. */
  const busy = ref(false)
  let asked = 0

  async function load(cursor?: string): Promise<void> {
    const mine = ++asked
    try {
      const page = await ask(cursor)
      if (mine !== asked) return
      items.value = cursor && items.value ? [...items.value, ...page.items] : page.items
      next.value = page.next
      problem.value = null
    } catch (error) {
      if (mine === asked) problem.value = errorText(error)
    }
  }

  /** Does something, and then what makes the list true again: reads it anew unless said otherwise. */
  async function act(deed: () => Promise<unknown>, after: () => unknown = load): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    problem.value = null
    try {
      await deed()
      await after()
      return true
    } catch (error) {
      problem.value = errorText(error)
      return false
    } finally {
      busy.value = false
    }
  }

  return { items, next, problem, busy, load, act }
}
