// The present, coarse enough for "yesterday" and not so fine that every row renders each second.

import { useTimestamp } from '@vueuse/core'
import type { Ref } from 'vue'

let shared: Ref<number> | null = null

/** The time now, moving every 30 seconds; one timer for the whole page. */
export function useMinuteClock(): Ref<number> {
  shared ??= useTimestamp({ interval: 30_000 })
  return shared
}
