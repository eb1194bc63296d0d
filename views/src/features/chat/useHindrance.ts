// What keeps me from writing in a conversation, as it is now: a mute ends by itself.

import { useTimestamp } from '@vueuse/core'
import { computed } from 'vue'
import type { ComputedRef } from 'vue'
import { hindrance } from './hindrance'
import { t } from '@/i18n'
import type { Conv } from '@/net/types'
import { groupId, useGroups } from '@/stores/groups'
import { useLink } from '@/stores/link'
import { useTimes } from '@/ui/useTimes'

/** A mute's end shows within this. */
const TICK_MS = 1_000
/** A mute longer than this is told without its end. */
const LONG_MS = 365 * 24 * 60 * 60_000

/** The reason in words; null: one may write. */
export function useHindrance(conv: Conv): ComputedRef<string | null> {
  const groups = useGroups()
  const link = useLink()
  const times = useTimes()
  const id = groupId(conv)
  const tick = useTimestamp({ interval: TICK_MS })

  return computed(() => {
    if (id === null) return null
    void tick.value
    const now = link.serverNow()
    const found = hindrance({ conv, group: groups.known[id], dissolved: groups.gone.has(id), now })
    if (!found) return null
    if (!('until' in found)) return t(`chat.barred.${found.why}`)
    if (found.until - now > LONG_MS) return t(`chat.barred.${found.why}`)
    return t(`chat.barred.${found.why}Until`, { time: times.until(found.until) })
  })
}
