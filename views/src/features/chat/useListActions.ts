// Does what was chosen in a conversation's menu. What the server refuses is undone and said.

import { useRoute, useRouter } from 'vue-router'
import type { ListAction } from './listActions'
import { pathOf } from './useConversation'
import { errorText } from '@/i18n/errors'
import type { Conversation, ConversationSettings } from '@/net/types'
import { useConversations } from '@/stores/conversations'
import { useNotices } from '@/stores/notices'

const SETTINGS: Readonly<Record<Exclude<ListAction, 'read'>, ConversationSettings>> = {
  pin: { pinned: true },
  unpin: { pinned: false },
  mute: { muted: true },
  unmute: { muted: false },
  unread: { marked_unread: true },
  hide: { hidden: true },
}

export function useListActions() {
  const conversations = useConversations()
  const notices = useNotices()
  const route = useRoute()
  const router = useRouter()

  async function act({ conv, last }: Conversation, action: ListAction): Promise<void> {
    if (action === 'read') return conversations.read(conv, last?.seq ?? 0)
    if (action === 'hide' && route.path === pathOf(conv)) void router.replace({ name: 'chats' })
    try {
      await conversations.set(conv, SETTINGS[action])
    } catch (error) {
      notices.show(errorText(error))
    }
  }

  return { act }
}
