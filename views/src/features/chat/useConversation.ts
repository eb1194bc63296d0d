// What a conversation is called and whom it is with, whether or not it is in the list yet.

import { computed } from 'vue'
import type { ComputedRef } from 'vue'
import { t } from '@/i18n'
import type { Conv, Conversation } from '@/net/types'
import { useContacts } from '@/stores/contacts'
import { useConversations } from '@/stores/conversations'
import { groupId, peerId, useGroups } from '@/stores/groups'
import { usePeople } from '@/stores/people'
import { useSession } from '@/stores/session'

export interface ConversationFace {
  conv: Conv
  title: string
  icon: string
  id: number
  isGroup: boolean
  isSelf: boolean
  /** Undefined where presence means nothing. */
  online: boolean | undefined
}

export function faceOf(conv: Conv, item: Conversation | undefined): ConversationFace {
  const people = usePeople()
  const group = groupId(conv)
  const id = group ?? peerId(conv) ?? 0
  if (group !== null) {
    const groups = useGroups()
    const known = groups.known[group] ?? item?.group
    if (!known) groups.need(group)
    const title = known?.name || item?.title || ''
    return { conv, title, icon: known ? known.icon : (item?.icon ?? ''), id, isGroup: true, isSelf: false, online: undefined }
  }
  const isSelf = id === useSession().me?.id
  const user = people.users.get(id)
  if (!user) people.need(id)
  const remark = useContacts().remarkOf(id)
  const title = isSelf ? t('list.self') : remark || people.nameOf(id) || item?.title || ''
  return { conv, title, icon: user?.avatar || item?.icon || '', id, isGroup: false, isSelf, online: isSelf ? undefined : (user?.online ?? false) }
}

export function useFace(conv: Conv): ComputedRef<ConversationFace> {
  const conversations = useConversations()
  return computed(() => faceOf(conv, conversations.items[conv]))
}

export function pathOf(conv: Conv): string {
  return `/c/${conv.replace(':', '/')}`
}
