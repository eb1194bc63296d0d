// Which of the shell's dialogs is open. They are reached from the list, from empty lists and from pages.

import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { UserId } from '../net/types'

export type DialogName = 'addFriend' | 'createGroup' | 'joinGroup' | 'blocks' | 'switcher' | 'shortcuts' | 'qr'

/** What a QR code leads to. */
export interface QrTarget {
  title: string
  hint: string
  url: string
}

export const useDialogs = defineStore('dialogs', () => {
  const open = ref<DialogName | null>(null)
  /** Whose profile lies over the page. */
  const profile = ref<UserId | null>(null)
  const qr = ref<QrTarget | null>(null)

  /** From any avatar, name or card. */
  function showProfile(id: UserId): void {
    profile.value = id
  }

  function showQr(target: QrTarget): void {
    qr.value = target
    open.value = 'qr'
  }

  function close(): void {
    open.value = null
  }

  return { open, profile, qr, showProfile, showQr, close }
})
