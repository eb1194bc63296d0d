// Short messages that nobody has to answer. Few things deserve one; errors belong beside what failed.

import { defineStore } from 'pinia'
import { ref } from 'vue'

const SHOWN_MS = 4_000

export const useNotices = defineStore('notices', () => {
  const text = ref<string | null>(null)
  let clock: ReturnType<typeof setTimeout> | undefined

  function show(words: string): void {
    text.value = words
    clearTimeout(clock)
    clock = setTimeout(() => (text.value = null), SHOWN_MS)
  }

  return { text, show }
})
