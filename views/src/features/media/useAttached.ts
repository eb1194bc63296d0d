// What a row shows of a message with bytes: its own copy while there is one, the server's otherwise, and the progress.

import { computed } from 'vue'
import { ownPath } from '@/net/ownPath'
import type { Entry } from '@/net/types'
import { useUploads } from '@/stores/uploads'

export function useAttached(entry: () => Entry) {
  const uploads = useUploads()
  const local = computed(() => uploads.local.get(entry().cid ?? ''))
  return {
    src: computed(() => local.value?.url ?? ownPath(entry().url, location.origin)),
    /** The small picture of it. */
    still: computed(() => local.value?.poster ?? ownPath(entry().pic, location.origin)),
    local,
    /** Undefined: nothing is being uploaded. */
    part: computed(() => uploads.progress.get(entry().cid ?? '')),
  }
}
