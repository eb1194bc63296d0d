// Sticker packs of this server, and the stickers that the user keeps at hand in this browser.

import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { packs as fetchPacks } from '../net/packs'
import type { Pack, Sticker } from '../net/packs'
import { useSession } from './session'

const KEPT_MAX = 100

export const useStickers = defineStore('stickers', () => {
  const packs = shallowRef<readonly Pack[] | null>(null)
  const failed = ref(false)
  const kept = useLocalStorage<Sticker[]>(() => `starling.stickers.${useSession().me?.id ?? 0}`, [])
  const favourites = computed<readonly Sticker[]>(() => (Array.isArray(kept.value) ? kept.value.filter(isSticker) : []))

  async function load(): Promise<void> {
    if (packs.value) return
    failed.value = false
    try {
      packs.value = await fetchPacks()
    } catch {
      failed.value = true
    }
  }

  function isKept(url: string): boolean {
    return favourites.value.some((one) => one.url === url)
  }

  function toggle(sticker: Sticker): void {
    const others = favourites.value.filter((one) => one.url !== sticker.url)
    kept.value = isKept(sticker.url) ? others : [sticker, ...others].slice(0, KEPT_MAX)
  }

  return { packs, failed, favourites, load, isKept, toggle }
})

function isSticker(value: unknown): value is Sticker {
  const { url, name } = (value ?? {}) as Record<string, unknown>
  return typeof url === 'string' && /^\/(?![/\\])/.test(url) && typeof name === 'string'
}
