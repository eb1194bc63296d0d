// Asks the server for messages while words are typed: a short rest after the last key, and only the newest answer counts.
// With `has` set, no words are needed.

import { computed, ref, shallowRef, watch } from 'vue'
import type { Ref } from 'vue'
import { api } from '@/net/api'
import type { Has } from '@/net/api'
import { ApiError } from '@/net/http'
import type { Conv, FoundEntry } from '@/net/types'
import { watchRested } from '@/ui/watchRested'

const PAGE = 30
/** The server's limit, in characters. */
const QUERY_MAX = 128

export function useMessageSearch(query: Ref<string>, conv: Ref<Conv | undefined>, limit = PAGE, has: Ref<Has | undefined> = ref()) {
  /** Null until an answer came. */
  const hits = shallowRef<FoundEntry[] | null>(null)
  /** The words that `hits` are of. */
  const about = ref('')
  const next = shallowRef<string | number | null>(null)
  const loading = ref(false)
  const failed = ref<string | null>(null)
  let asked = 0

  const words = () => [...query.value.trim()].slice(0, QUERY_MAX).join('')

  async function ask(before?: string | number): Promise<void> {
    const mine = ++asked
    loading.value = true
    failed.value = null
    const sought = words()
    try {
      const page = await api.search(sought, { has: has.value, conv: conv.value, before, limit })
      if (mine !== asked) return
      hits.value = before === undefined ? page.entries : [...(hits.value ?? []), ...page.entries]
      about.value = sought
      next.value = page.next ?? null
    } catch (error) {
      if (mine === asked) failed.value = error instanceof ApiError ? error.code : 'internal'
    } finally {
      if (mine === asked) loading.value = false
    }
  }

  function start(): void {
    asked += 1
    hits.value = null
    next.value = null
    failed.value = null
    loading.value = false
    if (words() || has.value) void ask()
  }

  watchRested([query, conv], start)
  watch(has, start)
  // Made with words in the box already.
  if (words() || has.value) start()
  return { hits, about, more: computed(() => next.value !== null), loading, failed, start, loadMore: () => ask(next.value ?? undefined) }
}
