// What can be done with a message, by what it is and by who looks at it. Pure; the menu shows it in this order.

import { canEdit, canForward, isContent, textToCopy } from './actions'
import type { Action } from './actions'
import { PACKET } from '@/net/media'
import type { Entry, Role, UserId } from '@/net/types'
import type { Message } from '@/stores/timeline'

export interface Viewer {
  me: UserId
  /** In the group of the conversation; null elsewhere. */
  role: Role | null
  /** The server's time. */
  now: number
  /** How long one's own messages can be recalled. */
  recallMs: number
}

/** Offered before all other emoji. */
export const QUICK_REACTIONS = ['👍', '❤️', '😂', '😮', '😢', '🙏'] as const

export function actionsOf(message: Message, viewer: Viewer): Action[] {
  const { entry } = message
  if (message.seq === null) return message.state === 'failed' ? ['retry', ...copy(entry), 'discard'] : [...copy(entry), 'discard']
  if (!isContent(entry)) return ['delete']
  const actions: Action[] = ['reply', ...copy(entry)]
  if (canEdit(entry, viewer.me)) actions.push('edit')
  if (canForward(entry)) actions.push('forward')
  actions.push('select', 'details')
  if (canRecall(entry, viewer)) actions.push('recall')
  return [...actions, 'delete']
}

function canRecall(entry: Entry, { me, role, now, recallMs }: Viewer): boolean {
  // A packet returns by itself; the server refuses to recall it.
  if (entry.media === PACKET) return false
  if (role === 'owner' || role === 'admin') return true
  return entry.from === me && now - entry.at < recallMs
}

function copy(entry: Entry): Action[] {
  return textToCopy(entry) ? ['copy'] : []
}
