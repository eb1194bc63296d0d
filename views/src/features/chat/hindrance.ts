// Whether one may write in a conversation, and if not, why. Pure; the store judges again.

import type { Conv, Group } from '@/net/types'

export type Hindrance =
  | { why: 'notMember' | 'dissolved' }
  /** Until then; by name, or because everybody is. */
  | { why: 'muted' | 'allMuted'; until: number }

export interface Standing {
  conv: Conv
  /** The group as I see it; undefined while it is not known. */
  group: Group | undefined
  dissolved: boolean
  now: number
}

/** What keeps me from writing; null: nothing that is known here. */
export function hindrance({ conv, group, dissolved, now }: Standing): Hindrance | null {
  if (!conv.startsWith('g:')) return null
  if (dissolved) return { why: 'dissolved' }
  if (!group) return null
  if (!group.role) return { why: 'notMember' }
  const until = group.muted_until ?? 0
  if (until <= now) return null
  // `muted_until` is the later of the two that hold for me.
  return { why: group.role === 'member' && group.all_muted_until === until ? 'allMuted' : 'muted', until }
}
