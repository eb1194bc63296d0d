// A list that comes in pages: the first, the next ones, and what went wrong.

import { ref, shallowRef } from 'vue'
import { errorText } from '@/i18n/errors'

export function usePages<T>(ask: (cursor?: string) => Promise<{ items: T[]; next: string | null }>) {
  const items = shallowRef<readonly T[] | null>(null)
  const next = ref<string | null>(null)
  const problem = ref<string | null>(null)
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

  /** Does something to the list and reads it again. */
  async function act(deed: () => Promise<unknown>): Promise<boolean> {
    problem.value = null
    try {
      await deed()
      await load()
      return true
    } catch (error) {
      problem.value = errorText(error)
      return false
    }
  }

  return { items, next, problem, load, act }
}
