// What a message allows. Pure; what the menu offers of it is in `menuActions.ts`, which is loaded with the menu.

import { PACKET, TEXT } from '@/net/media'
import type { Entry, UserId } from '@/net/types'
import type { Message } from '@/stores/timeline'

export type Action = 'react' | 'retry' | 'reply' | 'copy' | 'edit' | 'forward' | 'select' | 'details' | 'recall' | 'delete' | 'discard'

/** A message that says something, unlike system lines and what was recalled. */
export function isContent(entry: Entry): boolean {
  return entry.kind === 'message' && entry.recalled !== true
}

export function canReact(message: Message): boolean {
  return message.seq !== null && isContent(message.entry)
}

export function canEdit(entry: Entry, me: UserId): boolean {
  return entry.from === me && isContent(entry) && (entry.media ?? TEXT) === TEXT
}

/** Money does not multiply. */
export function canForward(entry: Entry): boolean {
  return isContent(entry) && entry.media !== PACKET
}

export function textToCopy({ media, content }: Entry): string {
  return (media ?? TEXT) === TEXT ? (content ?? '') : ''
}
