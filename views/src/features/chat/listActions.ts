// What can be done with a conversation in the list. Pure.

import type { Conversation } from '@/net/types'

export type ListAction = 'pin' | 'unpin' | 'read' | 'unread' | 'mute' | 'unmute' | 'hide'

export function hasUnread(item: Pick<Conversation, 'unread' | 'marked_unread'>): boolean {
  return item.unread > 0 || item.marked_unread === true
}

export function listActionsOf(item: Conversation): ListAction[] {
  return [
    item.pinned ? 'unpin' : 'pin',
    hasUnread(item) ? 'read' : 'unread',
    item.muted ? 'unmute' : 'mute',
    'hide',
  ]
}
