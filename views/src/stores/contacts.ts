// Friends, friend requests, and whom I have blocked.

import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../net/api'
import type { Friend, FriendRequest, User, UserId } from '../net/types'
import { useKept } from './kept'
import { usePeople } from './people'

export const useContacts = defineStore('contacts', () => {
  const friends = ref<Friend[]>([])
  const incoming = ref<FriendRequest[]>([])
  const outgoing = ref<FriendRequest[]>([])
  const blocks = ref<User[]>([])
  const status = ref<'loading' | 'ready' | 'failed'>('loading')

  const byId = computed(() => new Map(friends.value.map((friend) => [friend.user.id, friend])))
  const ids = computed(() => new Set(byId.value.keys()))
  const asked = computed(() => new Set(outgoing.value.map((request) => request.user.id)))
  const blocked = computed(() => new Set(blocks.value.map((user) => user.id)))

  async function load(): Promise<void> {
    if (status.value === 'failed') status.value = 'loading'
    try {
      const ready = status.value === 'ready'
      const [answer, { blocks: shut }] = await Promise.all([
        useKept().ask('friends', ready, api.friends),
        useKept().ask('blocks', ready, api.blocks),
      ])
      const people = usePeople()
      friends.value = answer.friends
      incoming.value = answer.incoming
      outgoing.value = answer.outgoing
      blocks.value = shut
      for (const { user } of [...answer.friends, ...answer.incoming, ...answer.outgoing]) people.learn(user)
      status.value = 'ready'
    } catch {
      if (status.value !== 'ready') status.value = 'failed'
    }
  }

  function remarkOf(id: UserId): string {
    return byId.value.get(id)?.remark ?? ''
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

  async function setRemark(id: UserId, remark: string): Promise<void> {
    await api.remark(id, remark)
    friends.value = friends.value.map((friend) => (friend.user.id === id ? { ...friend, remark } : friend))
  }

  async function setBlocked(id: UserId, on: boolean): Promise<void> {
    await (on ? api.block(id) : api.unblock(id))
    await load()
  }

  function $reset(): void {
    friends.value = []
    incoming.value = []
    outgoing.value = []
    blocks.value = []
    status.value = 'loading'
  }

  return {
    friends, incoming, outgoing, blocks, status, byId, ids, asked, blocked,
    load, remarkOf, add, answer, remove, setRemark, setBlocked, $reset,
  }
})
