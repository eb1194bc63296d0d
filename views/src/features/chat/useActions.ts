// Carries out what was chosen in a message's menu.

import { textToCopy } from './actions'
import type { Action } from './actions'
import { t } from '@/i18n'
import { errorText } from '@/i18n/errors'
import { api } from '@/net/api'
import { TEXT } from '@/net/media'
import type { Conv, Seq } from '@/net/types'
import { useConversations } from '@/stores/conversations'
import { useMessages } from '@/stores/messages'
import { useNotices } from '@/stores/notices'
import type { Message } from '@/stores/timeline'
import { copyText } from '@/ui/copyText'

export function useActions(conv: Conv, me: () => number): (action: Action, message: Message) => void {
  const messages = useMessages()
  const conversations = useConversations()
  const notices = useNotices()

  async function copy({ entry }: Message): Promise<void> {
    const done = await copyText(textToCopy(entry.media, entry.content))
    notices.show(t(done ? 'chat.copied' : 'chat.notCopied'))
  }

  async function recall(seq: Seq, { entry }: Message): Promise<void> {
    await api.recall(seq)
    const mine = entry.from === me() && (entry.media ?? TEXT) === TEXT
    if (mine && entry.content) messages.takenBack.set(seq, entry.content)
  }

  async function remove(seq: Seq): Promise<void> {
    await api.hideEntry(seq)
    messages.hidden(conv, seq)
    conversations.hid(conv, seq)
  }

  function act(action: Action, message: Message): Promise<void> | void {
    const { seq, cid } = message
    switch (action) {
      case 'copy':
        return copy(message)
      case 'recall':
        return seq === null ? undefined : recall(seq, message)
      case 'delete':
        return seq === null ? undefined : remove(seq)
      case 'retry':
        return cid === null ? undefined : messages.retry(cid)
      case 'discard':
        return cid === null ? undefined : messages.forget(cid)
    }
  }

  return (action, message) => {
    Promise.resolve(act(action, message)).catch((error: unknown) => notices.show(errorText(error)))
  }
}
