// Friends and friend requests.

import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../net/api'
import type { Friend, FriendRequest, UserId } from '../net/types'
import { useKept } from './kept'
import { usePeople } from './people'

export const useContacts = defineStore('contacts', () => {
  const friends = ref<Friend[]>([])
  const incoming = ref<FriendRequest[]>([])
  const outgoing = ref<FriendRequest[]>([])
  const status = ref<'loading' | 'ready' | 'failed'>('loading')

  const ids = computed(() => new Set(friends.value.map((friend) => friend.user.id)))
  const asked = computed(() => new Set(outgoing.value.map((request) => request.user.id)))

  async function load(): Promise<void> {
    if (status.value === 'failed') status.value = 'loading'
    try {
      const answer = await useKept().ask('friends', status.value === 'ready', api.friends)
      const people = usePeople()
      friends.value = answer.friends
      incoming.value = answer.incoming
      outgoing.value = answer.outgoing
      for (const { user } of [...answer.friends, ...answer.incoming, ...answer.outgoing]) people.learn(user)
      status.value = 'ready'
    } catch {
      if (status.value !== 'ready') status.value = 'failed'
    }
  }

  async function add(id: UserId, message: string): Promise<'friends' | 'requested'> {
    const { state } = await api.befriend(id, message)
    await load()
    return state
  }

  async function answer(request: FriendRequest, accept: boolean): Promise<void> {
    await api.answer(request.id, accept)
    await load()
  }

  async function remove(id: UserId): Promise<void> {
    await api.unfriend(id)
    await load()
  }

  function $reset(): void {
    friends.value = []
    incoming.value = []
    outgoing.value = []
    status.value = 'loading'
  }

  return { friends, incoming, outgoing, status, ids, asked, load, add, answer, remove, $reset }
})
