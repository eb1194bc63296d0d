// Asks while the user types: a short rest after the last key, and only the newest answer counts.

import { shallowRef } from 'vue'
import type { Ref } from 'vue'
import { watchRested } from './watchRested'

export function useSearch<T>(query: Ref<string>, ask: (words: string) => Promise<T[]>) {
  const results = shallowRef<T[] | null>(null)
  const failed = shallowRef<unknown>(null)
  let asked = 0

  async function run(): Promise<void> {
    const words = query.value.trim()
    const mine = ++asked
    failed.value = null
    if (!words) {
      results.value = null
      return
    }
    try {
      const answer = await ask(words)
      if (mine === asked) results.value = answer
    } catch (error) {
      if (mine === asked) failed.value = error
    }
  }

  watchRested([query], () => void run())
  return { results, failed }
}
