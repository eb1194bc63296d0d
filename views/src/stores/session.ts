// Who is logged in. The token stays in the cookie that the server set; scripts never hold it.

import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api } from '../net/api'
import type { Profile } from '../net/api'
import { ApiError } from '../net/http'
import type { Me } from '../net/types'

/** Why the log-in page is shown to somebody who was inside. */
export type EndReason = 'revoked' | 'expired' | 'loggedOut'

export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  /** `unknown` until the first answer, so that no log-in form flashes on a reload. */
  const status = ref<'unknown' | 'in' | 'out' | 'unreachable'>('unknown')
  const endReason = ref<EndReason | null>(null)

  async function restore(): Promise<void> {
    try {
      enter(await api.me())
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      status.value = error.status === 401 ? 'out' : 'unreachable'
    }
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
    if (status.value === 'in') endReason.value = reason
    me.value = null
    status.value = 'out'
  }

  return { me, status, endReason, restore, login, register, refresh, change, end }
})
