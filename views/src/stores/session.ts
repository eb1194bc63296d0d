// Who is logged in. The token stays in the cookie that the server set; scripts never hold it.

import { defineStore } from 'pinia'
import { StorageSerializers, useLocalStorage } from '@vueuse/core'
import { ref, watch } from 'vue'
import { api } from '../net/api'
import type { Profile } from '../net/api'
import { ApiError } from '../net/http'
import type { Me, UserId } from '../net/types'
import { isAway } from './kept'

/** Why the log-in page is shown to somebody who was inside. */
export type EndReason = 'revoked' | 'expired' | 'loggedOut'

interface TabWord {
  type: 'entered' | 'left'
  user: UserId
}

export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  /** `unknown` until the first answer, so that no log-in form flashes on a reload. */
  const status = ref<'unknown' | 'in' | 'out' | 'unreachable'>('unknown')
  const endReason = ref<EndReason | null>(null)
  /** Who was logged in here last: lets him read what is kept while the server is away. Gone with his session. */
  const known = useLocalStorage<Me | null>('starling.me', null, { serializer: StorageSerializers.object })

  /** Whether the page of somebody inside has all it needs to be drawn. */
  const alive = ref(false)
  const tabs = new BroadcastChannel('starling-session')
  let leave: () => void = () => undefined

  watch(me, (user) => user && (known.value = user))
  tabs.onmessage = ({ data }: MessageEvent<TabWord>) => {
    if (data.type === 'left' && data.user === me.value?.id) leave()
    else if (data.type === 'entered' && status.value === 'out') void restore()
  }

  /** Tells the other tabs of this browser, which share the session. */
  function tell(type: TabWord['type']): void {
    if (me.value) tabs.postMessage({ type, user: me.value.id } satisfies TabWord)
  }

  /** Called when another tab left. */
  function whenLeft(callback: () => void): void {
    leave = callback
  }

  async function restore(): Promise<void> {
    try {
      enter(await api.me())
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 401) end('expired')
      else if (isAway(error) && known.value) enter(known.value)
      else status.value = 'unreachable'
    }
  }

  /** After a start without a server: whether the session still is one, and what the profile has become. */
  async function confirm(): Promise<void> {
    // A 401 ends the session by itself; anything else is asked again at the next connection.
    await api.me().then(enter, () => undefined)
  }

  async function login(name: string, password: string): Promise<void> {
    enter((await api.login(name, password)).user)
  }

  async function register(name: string, password: string, nickname: string): Promise<void> {
    enter((await api.register(name, password, nickname)).user)
  }

  function enter(user: Me): void {
    me.value = user
    endReason.value = null
    status.value = 'in'
    tell('entered')
  }

  /** Another device changed my profile. */
  async function refresh(): Promise<void> {
    const user = await api.me().catch(() => null)
    if (user && me.value?.id === user.id) me.value = user
  }

  /** Changes my profile, here and for everybody. */
  async function change(profile: Profile): Promise<void> {
    me.value = await api.changeMe(profile)
  }

  function end(reason: EndReason): void {
    // Only to somebody who was inside, now or the last time, there is something to explain.
    if (known.value) endReason.value = reason
    me.value = null
    known.value = null
    alive.value = false
    status.value = 'out'
  }

  return { me, status, endReason, alive, tell, whenLeft, restore, confirm, login, register, refresh, change, end }
})
