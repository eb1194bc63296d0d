// Acts when what is watched has rested for a while. Small beside VueUse's `watchDebounced`, which every page would load.

import { onScopeDispose, watch } from 'vue'
import type { WatchSource } from 'vue'

const REST_MS = 250

export function watchRested(sources: WatchSource<unknown>[], act: () => void): void {
  let resting: ReturnType<typeof setTimeout> | undefined
  watch(sources, () => {
    clearTimeout(resting)
    resting = setTimeout(act, REST_MS)
  })
  onScopeDispose(() => clearTimeout(resting))
}
