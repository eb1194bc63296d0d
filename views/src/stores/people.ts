// Profiles by id, who is online, who is typing.

import { defineStore } from 'pinia'
import { reactive, ref, shallowReactive } from 'vue'
import { api } from '../net/api'
import { ApiError } from '../net/http'
import type { Conv, User, UserId } from '../net/types'
import { useContacts } from './contacts'
import { useKept } from './kept'
import { useSession } from './session'

/** A typing sign is forgotten after this, unless renewed: within six seconds, on its way and all. */
const TYPING_MS = 5_500
/** One typing sign in this time is all that the server passes on. */
export const TYPING_EVERY_MS = 3_000

export const usePeople = defineStore('people', () => {
  const users = shallowReactive(new Map<UserId, User>())
  const asked = new Set<UserId>()
  /** Ids nobody has. */
  const missing = reactive(new Set<UserId>())
  const typing = ref<Record<Conv, UserId[]>>({})
  const clocks = new Map<string, ReturnType<typeof setTimeout>>()

  function learn(user: User | null | undefined): void {
    if (!user) return
    // Whoever reads this page is online; a profile fetched before the socket opened says otherwise.
    const online = user.online || user.id === useSession().me?.id
    users.set(user.id, { ...users.get(user.id), ...user, online })
  }

  /** Asks the server for a profile this client has not seen; repeats are free. */
  function need(id: UserId): void {
    if (id === 0 || users.has(id) || asked.has(id)) return
    asked.add(id)
    useKept()
      .ask(`user:${id}`, false, () => api.user(id))
      .then(learn, (error: unknown) => {
        if (error instanceof ApiError && error.code === 'not_found') missing.add(id)
        else asked.delete(id)
      })
  }

  function refresh(id: UserId): void {
    if (!users.has(id)) return
    api.user(id).then(learn, () => undefined)
  }

  /** What I call somebody: my remark, else his nickname, else his name; empty until it is known. */
  function nameOf(id: UserId): string {
    const user = users.get(id)
    if (!user) need(id)
    return useContacts().remarkOf(id) || (user ? displayName(user) : '')
  }

  function setOnline(id: UserId, online: boolean): void {
    const user = users.get(id)
    if (user) users.set(id, { ...user, online })
  }

  function startedTyping(conv: Conv, user: UserId): void {
    const key = `${conv} ${user}`
    clearTimeout(clocks.get(key))
    clocks.set(key, setTimeout(() => stoppedTyping(conv, user), TYPING_MS))
    const now = typing.value[conv] ?? []
    if (!now.includes(user)) typing.value = { ...typing.value, [conv]: [...now, user] }
  }

  function stoppedTyping(conv: Conv, user: UserId): void {
    const now = typing.value[conv]
    if (!now?.includes(user)) return
    typing.value = { ...typing.value, [conv]: now.filter((id) => id !== user) }
  }

  function $reset(): void {
    users.clear()
    asked.clear()
    missing.clear()
    typing.value = {}
    for (const clock of clocks.values()) clearTimeout(clock)
    clocks.clear()
  }

  return { users, missing, typing, learn, need, refresh, nameOf, setOnline, startedTyping, stoppedTyping, $reset }
})

export function displayName(user: Pick<User, 'name' | 'nickname'>): string {
  return user.nickname || user.name
}
