// All I could go to: my conversations by their last activity, then the other friends and groups.

import { computed } from 'vue'
import type { Target } from './targets'
import { faceOf } from '@/features/chat/useConversation'
import { useContacts } from '@/stores/contacts'
import { useConversations } from '@/stores/conversations'
import { useGroups } from '@/stores/groups'
import { usePeople } from '@/stores/people'

export function useTargets() {
  const conversations = useConversations()
  const contacts = useContacts()
  const groups = useGroups()
  const people = usePeople()

  function of(conv: string): Target {
    const face = faceOf(conv, conversations.items[conv])
    const user = face.isGroup ? undefined : people.users.get(face.id)
    return { ...face, also: user ? `${user.nickname} ${user.name}` : '' }
  }

  return computed(() =>
    [
      ...conversations.sorted.map(({ conv }) => conv),
      ...contacts.friends.map(({ user }) => `u:${user.id}`),
      ...groups.items.map(({ id }) => `g:${id}`),
    ].map(of),
  )
}
