// Choices of this browser. They outlive log-outs and are shared by its tabs; `asset/public/first.js` reads the same keys
// before the first paint.

import { useLocalStorage, usePreferredDark, useMediaQuery } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, watch } from 'vue'
import type { Ref } from 'vue'
import { LANGUAGES, setLanguage } from '../i18n'
import type { Language } from '../i18n'
import { speak } from '../net/http'

export const THEMES = ['system', 'light', 'dark'] as const
export const FONT_SIZES = ['small', 'normal', 'large', 'largest'] as const
export const DENSITIES = ['cozy', 'compact'] as const
export const CONTRASTS = ['system', 'high'] as const
export const SEND_KEYS = ['enter', 'ctrlEnter'] as const

export type Theme = (typeof THEMES)[number]
export type FontSize = (typeof FONT_SIZES)[number]
export type Density = (typeof DENSITIES)[number]
export type Contrast = (typeof CONTRASTS)[number]
/** Which key sends; the other one makes a new line. */
export type SendKey = (typeof SEND_KEYS)[number]

/** The `--app` colour of styles/tokens.css. */
const BROWSER_COLOUR = { light: '#E9EDEF', dark: '#0C1012' }

export const useSettings = defineStore('settings', () => {
  const theme = choice('starling.theme', THEMES, 'system')
  const language = choice('starling.language', LANGUAGES, guess())
  const fontSize = choice('starling.fontSize', FONT_SIZES, 'normal')
  const density = choice('starling.density', DENSITIES, 'cozy')
  const contrast = choice('starling.contrast', CONTRASTS, 'system')
  const sendKey = choice('starling.sendKey', SEND_KEYS, 'enter')
  const notify = useLocalStorage('starling.notify', false)
  const notifyPreview = useLocalStorage('starling.notifyPreview', true)
  const sounds = useLocalStorage('starling.sounds', false)

  const systemDark = usePreferredDark()
  const systemContrast = useMediaQuery('(prefers-contrast: more)')
  const dark = computed(() => theme.value === 'dark' || (theme.value !== 'light' && systemDark.value))
  const highContrast = computed(() => contrast.value === 'high' || systemContrast.value)

  watch(
    [dark, fontSize, density, highContrast],
    () => {
      const { dataset } = document.documentElement
      dataset.theme = dark.value ? 'dark' : 'light'
      dataset.font = fontSize.value
      dataset.density = density.value
      dataset.contrast = highContrast.value ? 'high' : 'normal'
      const meta = document.querySelector('meta[name="theme-color"]')
      meta?.setAttribute('content', dark.value ? BROWSER_COLOUR.dark : BROWSER_COLOUR.light)
    },
    { immediate: true },
  )
  watch(language, apply)

  async function apply(): Promise<void> {
    speak(language.value)
    await setLanguage(language.value)
  }

  return { theme, language, fontSize, density, contrast, sendKey, notify, notifyPreview, sounds, dark, highContrast, apply }
})

/** One of a few values; whatever else is stored counts as nothing. */
function choice<T extends string>(key: string, values: readonly T[], initial: T): Ref<T> {
  return useLocalStorage<T>(key, initial, {
    serializer: { read: (raw) => values.find((value) => value === raw) ?? initial, write: (value) => value },
  })
}

function guess(): Language {
  return navigator.languages.some((tag) => tag.startsWith('zh')) || navigator.languages.length === 0 ? 'zh-CN' : 'en'
}
