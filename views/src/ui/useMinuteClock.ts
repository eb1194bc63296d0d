// The present, coarse enough for "yesterday" and not so fine that every row renders each second.

import { useTimestamp } from '@vueuse/core'
import { effectScope } from 'vue'
import type { Ref } from 'vue'

let shared: Ref<number> | undefined
/** Of its own: it outlives the part of the page that asked first. */
const scope = effectScope(true)

/** The time now, moving every 30 seconds; one timer for the whole page. */
export function useMinuteClock(): Ref<number> {
  return (shared ??= scope.run(() => useTimestamp({ interval: 30_000 })) as Ref<number>)
}
