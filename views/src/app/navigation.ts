// The entries of the rail and of the tabs.

import { CircleUser, LayoutGrid, MessageSquare, Settings2, UsersRound, Waypoints } from '@lucide/vue'
import { computed } from 'vue'
import type { Component } from 'vue'
import type { Key } from '@/i18n'
import { t } from '@/i18n'
import { useContacts } from '@/stores/contacts'
import { useConversations } from '@/stores/conversations'
import { useGroups } from '@/stores/groups'

export interface Destination {
  section: 'chats' | 'contacts' | 'groups' | 'cluster' | 'settings'
  icon: Component
  label: Key
}

export const CHATS: Destination = { section: 'chats', icon: MessageSquare, label: 'nav.chats' }
export const CONTACTS: Destination = { section: 'contacts', icon: UsersRound, label: 'nav.contacts' }
export const GROUPS: Destination = { section: 'groups', icon: LayoutGrid, label: 'nav.groups' }
export const CLUSTER: Destination = { section: 'cluster', icon: Waypoints, label: 'nav.cluster' }
export const SETTINGS: Destination = { section: 'settings', icon: Settings2, label: 'nav.settings' }
export const ME: Destination = { section: 'settings', icon: CircleUser, label: 'nav.me' }

export function useBadges() {
  const conversations = useConversations()
  const contacts = useContacts()
  const groups = useGroups()
  const counts = computed(() => ({ chats: conversations.unread, contacts: contacts.incoming.length, groups: groups.requests, cluster: 0, settings: 0 }))

  function labelOf({ section, label }: Destination): string {
    const n = counts.value[section]
    if (n === 0) return t(label)
    return t(section !== 'chats' ? 'nav.requests' : 'nav.unread', { label: t(label), n })
  }

  return { counts, labelOf }
}
