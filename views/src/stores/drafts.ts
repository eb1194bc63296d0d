// What was typed and not sent, by conversation. Each key press is kept on this device at once; the user's other devices
// get it through the server after a rest. What is typed here is never overwritten by what comes from there.

import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { DraftShelf } from '../db/draftShelf'
import { api } from '../net/api'
import type { Conv, UserId } from '../net/types'

export interface Written {
  readonly text: string
  readonly caret: number
  /** The server has it like this. */
  readonly synced: boolean
}

const REST_MS = 1_000
const ECHO_MS_MAX = 5_000

export const useDrafts = defineStore('drafts', () => {
  const items = shallowReactive(new Map<Conv, Written>())
  /** What the server holds, as far as it told. */
  const told = new Map<Conv, string>()
  /** Being told. */
  const busy = new Set<Conv>()
  /** How many drafts the server has taken from here, and which of them was a conversation's last. */
  let taken = 0
  const lastTaken = new Map<Conv, number>()
  const echoes = new Set<{ conv: Conv; text: string }>()
  const clocks = new Map<Conv, ReturnType<typeof setTimeout>>()
  let shelf: DraftShelf | null = null

  /** What this device remembers of the user. */
  function restore(user: UserId): void {
    shelf = new DraftShelf(user)
    for (const [conv, written] of shelf.all()) {
      const there = told.get(conv)
      // What the server was told, it may have forgotten since on another device's word.
      if (there === undefined || !written.synced) items.set(conv, { ...written, synced: written.synced || there === written.text })
    }
  }

  function put(conv: Conv, written: Written): void {
    // Without words and known to the server there is nothing to remember.
    if (written.text === '' && written.synced) {
      items.delete(conv)
      shelf?.drop(conv)
    } else {
      items.set(conv, written)
      shelf?.keep(conv, written)
    }
  }

  function write(conv: Conv, text: string, caret: number): void {
    // While the server is being told something else, it does not have this, whatever it told last.
    put(conv, { text, caret, synced: !busy.has(conv) && text === (told.get(conv) ?? '') })
    clearTimeout(clocks.get(conv))
    // A message was sent: other devices should not go on showing it as a draft.
    if (text === '') void push(conv)
    else clocks.set(conv, setTimeout(() => void push(conv), REST_MS))
  }

  /** Only the caret has moved. */
  function place(conv: Conv, caret: number): void {
    const here = items.get(conv)
    if (here && here.caret !== caret) put(conv, { ...here, caret })
  }

  /** One request at a time, so that the server ends with what was written last. */
  async function push(conv: Conv): Promise<void> {
    clearTimeout(clocks.get(conv))
    const text = items.get(conv)?.text ?? ''
    if (busy.has(conv) || text === (told.get(conv) ?? '')) return
    busy.add(conv)
    expectEcho(conv, text)
    const done = await api.setConversation(conv, { draft: text }).then(() => true, () => false)
    busy.delete(conv)
    // Refused, it stays unsynced and goes with the next connection.
    if (!done) return
    taken += 1
    lastTaken.set(conv, taken)
    hear(conv, text)
    void push(conv)
  }

  /** The server tells this page, too, what this page told it; that may come after the next change here. */
  function expectEcho(conv: Conv, text: string): void {
    const echo = { conv, text }
    echoes.add(echo)
    setTimeout(() => echoes.delete(echo), ECHO_MS_MAX)
  }

  /** Another page of mine wrote, or this one. */
  function signalled(conv: Conv, text: string): void {
    if (![...echoes].some((echo) => echo.conv === conv && echo.text === text)) hear(conv, text)
  }

  /** Before a list is asked for: what it does not know of came after this. */
  function mark(): number {
    return taken
  }

  /** From a list that was asked for at `mark`. What the server took from here since may be missing in it. */
  function listed(conv: Conv, text: string, mark: number): void {
    if (!busy.has(conv) && (lastTaken.get(conv) ?? 0) <= mark) hear(conv, text)
  }

  /** The server tells of a draft, this device's own ones too. */
  function hear(conv: Conv, text: string): void {
    told.set(conv, text)
    const here = items.get(conv)
    if (!here || here.synced) put(conv, { text, caret: here?.text === text ? here.caret : text.length, synced: true })
    else if (here.text === text) put(conv, { ...here, synced: true })
  }

  /** A new connection: what the server does not have yet. */
  function pushAll(): void {
    for (const [conv, { synced }] of items) if (!synced) void push(conv)
  }

  /** The user left of his own will: nobody after him at this browser reads what he did not send. */
  function erase(): void {
    shelf?.erase()
    $reset()
  }

  function $reset(): void {
    for (const clock of clocks.values()) clearTimeout(clock)
    clocks.clear()
    items.clear()
    told.clear()
    busy.clear()
    lastTaken.clear()
    echoes.clear()
    shelf = null
  }

  return { items, restore, write, place, push, hear, mark, listed, signalled, pushAll, erase, $reset }
})
