// What can be done with a message, by what it is and by who looks at it. Pure; the menu shows it in this order.

import { PACKET, TEXT } from '@/net/media'
import type { Role } from '@/net/types'
import type { Message } from '@/stores/timeline'

export type Action = 'retry' | 'copy' | 'recall' | 'delete' | 'discard'

export interface Viewer {
  me: number
  /** In the group of the conversation; null elsewhere. */
  role: Role | null
  /** The server's time. */
  now: number
  /** How long one's own messages can be recalled. */
  recallMs: number
}

export function actionsOf(message: Message, viewer: Viewer): Action[] {
  if (message.seq === null) return message.state === 'failed' ? ['retry', ...copy(message), 'discard'] : [...copy(message), 'discard']
  if (!isContent(message)) return ['delete']
  const actions: Action[] = copy(message)
  if (canRecall(message, viewer)) actions.push('recall')
  return [...actions, 'delete']
}

function copy({ entry }: Message): Action[] {
  return textToCopy(entry.media, entry.content) ? ['copy'] : []
}

/** A message that says something, unlike system lines and what was recalled. */
export function isContent({ entry }: Message): boolean {
  return entry.kind === 'message' && entry.recalled !== true
}

function canRecall({ entry }: Message, { me, role, now, recallMs }: Viewer): boolean {
  // A packet returns by itself; the server refuses to recall it.
  if (entry.media === PACKET) return false
  if (role === 'owner' || role === 'admin') return true
  return entry.from === me && now - entry.at < recallMs
}

export function textToCopy(media: number | null | undefined, content: string | null | undefined): string {
  return (media ?? TEXT) === TEXT ? (content ?? '') : ''
}
