// What the rows of a conversation ask of their page. Provided by `ChatPage`, so that it need not be passed through the list.

import { inject } from 'vue'
import type { InjectionKey } from 'vue'
import type { Conv, Entry, Seq } from '@/net/types'
import type { Message } from '@/stores/timeline'

/** Where a menu stands: a point, or beside an element. */
export type Anchor = { x: number; y: number } | Element

/** What the next text will be: an answer to a message, or new words for it. */
export interface Task {
  kind: 'reply' | 'edit'
  entry: Entry
}

export interface Chat {
  readonly conv: Conv
  readonly me: number
  /** Others are called by name. */
  readonly isGroup: boolean
  /** Of a group: my last message, whose readers are told. */
  readonly lastOwn: Seq | null
  /** While several messages are being chosen: those that are. */
  readonly selection: ReadonlySet<Seq> | null
  /** A message that others refer to, as it is now. Null: not to be seen; undefined: not known yet. */
  entryOf(seq: Seq): Entry | null | undefined
  /** Shows a message, wherever it is; `from` is where the way back leads. */
  jump(seq: Seq, from: Seq | null): void
  openMenu(message: Message, anchor: Anchor): void
  reply(message: Message): void
  /** Tells all about a message. */
  details(entry: Entry): void
  /** Puts an emoji on a message, or takes it off. */
  react(message: Message, emoji: string): void
  /** Chooses a message, or no longer. */
  toggle(seq: Seq): void
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
