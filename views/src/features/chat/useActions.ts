// Carries out what was chosen for a message, and holds what is being done: an answer, a choice of several, a forwarding.

import { ref, shallowRef } from 'vue'
import { canForward, isContent, textToCopy } from './actions'
import type { Action } from './actions'
import type { Task } from './chat'
import { t } from '@/i18n'
import { errorText } from '@/i18n/errors'
import { api } from '@/net/api'
import { TEXT } from '@/net/media'
import type { Conv, Entry, Seq } from '@/net/types'
import { useConversations } from '@/stores/conversations'
import { useMessages } from '@/stores/messages'
import { useNotices } from '@/stores/notices'
import type { Message } from '@/stores/timeline'
import { copyText } from '@/ui/copyText'

/** More at once are not chosen: each is a request or a message of its own. */
const CHOSEN_MAX = 100

export function useActions(conv: Conv, me: () => number, shown: () => readonly Message[]) {
  const messages = useMessages()
  const conversations = useConversations()
  const notices = useNotices()
  const task = ref<Task | null>(null)
  const selection = shallowRef<ReadonlySet<Seq> | null>(null)
  /** What is being sent on, and whether as one message. */
  const forwarding = shallowRef<{ entries: Entry[]; asOne: boolean } | null>(null)
  /** To which message any emoji is being chosen. */
  const reactingTo = shallowRef<Message | null>(null)
  const detailed = shallowRef<Entry | null>(null)

  function told(work: Promise<void>): void {
    work.catch((error: unknown) => notices.show(errorText(error)))
  }

  async function copy(entry: Entry): Promise<void> {
    const done = await copyText(textToCopy(entry))
    notices.show(t(done ? 'chat.copied' : 'chat.notCopied'))
  }

  async function recall(entry: Entry): Promise<void> {
    await api.recall(entry.seq)
    const mine = entry.from === me() && (entry.media ?? TEXT) === TEXT
    if (mine && entry.content) messages.takenBack.set(entry.seq, entry.content)
    if (task.value?.entry.seq === entry.seq) task.value = null
  }

  async function remove(seqs: readonly Seq[]): Promise<void> {
    for (const seq of seqs) {
      await api.hideEntry(seq)
      messages.hidden(conv, seq)
      conversations.hid(conv, seq)
    }
  }

  function toggle(seq: Seq): void {
    const chosen = new Set(selection.value)
    if (!chosen.delete(seq) && chosen.size < CHOSEN_MAX) chosen.add(seq)
    selection.value = chosen
  }

  function chosen(): Entry[] {
    return shown().flatMap(({ seq, entry }) => (seq !== null && selection.value?.has(seq) ? [entry] : []))
  }

  function removeChosen(): void {
    const seqs = chosen().map(({ seq }) => seq)
    selection.value = null
    told(remove(seqs))
  }

  function forwardChosen(asOne: boolean): void {
    const entries = chosen().filter(canForward)
    if (entries.length > 0) forwarding.value = { entries, asOne }
  }

  function react({ entry }: Message, emoji: string): void {
    const on = !entry.reactions?.some((one) => one.emoji === emoji && one.users.includes(me()))
    told(api.react(entry.seq, emoji, on))
  }

  function act(action: Action, message: Message): void {
    const { seq, cid, entry } = message
    switch (action) {
      case 'react':
        reactingTo.value = message
        return
      case 'retry':
        return cid === null ? undefined : messages.retry(cid)
      case 'discard':
        return cid === null ? undefined : messages.forget(cid)
      case 'copy':
        return told(copy(entry))
      case 'reply':
      case 'edit':
        task.value = { kind: action, entry }
        return
      case 'forward':
        forwarding.value = { entries: [entry], asOne: false }
        return
      case 'select':
        selection.value = new Set(seq !== null && isContent(entry) ? [seq] : [])
        return
      case 'details':
        detailed.value = entry
        return
      case 'recall':
        return told(recall(entry))
      case 'delete':
        return told(remove([entry.seq]))
    }
  }

  return { task, selection, forwarding, reactingTo, detailed, act, react, toggle, removeChosen, forwardChosen }
}
