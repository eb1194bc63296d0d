// What the rows of a conversation ask of their page. Provided by `ChatPage`, so that it need not be passed through the list.

import { inject } from 'vue'
import type { InjectionKey } from 'vue'
import type { Conv } from '@/net/types'
import type { Message } from '@/stores/timeline'

/** Where a menu stands: a point, or beside an element. */
export type Anchor = { x: number; y: number } | Element

export interface Chat {
  readonly conv: Conv
  readonly me: number
  /** Others are called by name. */
  readonly isGroup: boolean
  openMenu(message: Message, anchor: Anchor): void
  retry(cid: string): void
  discard(cid: string): void
  /** Puts a text into the composer. */
  reEdit(text: string): void
}

export const CHAT: InjectionKey<Chat> = Symbol('chat')

export function useChat(): Chat {
  const chat = inject(CHAT)
  if (!chat) throw new Error('only within a conversation')
  return chat
}
