// Which entries are worth a sign, and what the sign says. Pure.

import type { Entry, UserId } from '../../net/types'

/** What came later than this after it was written is found in the list, without a sign. */
const AGE_MS_MAX = 10 * 60_000

/** Whether the entry calls for the user: somebody else's message, not from a muted conversation unless he is named. */
export function calls(entry: Entry, me: UserId, muted: boolean, now: number): boolean {
  const told = entry.kind === 'message' || entry.kind === 'notice'
  if (!told || entry.recalled || entry.from === me || now - entry.at > AGE_MS_MAX) return false
  const named = entry.mentions?.some((id) => id === me || id === 0) ?? false
  return !muted || named
}

/** Where the reader is: before this very conversation, before this page, or elsewhere. */
export type Attention = 'here' | 'page' | 'away'

export function attention(visible: boolean, focused: boolean, open: string | null, conv: string): Attention {
  if (!visible || !focused) return 'away'
  return open === conv ? 'here' : 'page'
}
