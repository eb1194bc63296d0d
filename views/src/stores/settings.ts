// Choices of this browser: theme and language. They outlive log-outs; `asset/public/theme.js` reads the same keys.

import { useLocalStorage, usePreferredDark } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, watch } from 'vue'
import { setLanguage } from '../i18n'
import type { Language } from '../i18n'
import { speak } from '../net/http'

export type Theme = 'system' | 'light' | 'dark'

const BROWSER_COLOUR = { light: '#E9EDEF', dark: '#0C1012' }

export const useSettings = defineStore('settings', () => {
  const theme = useLocalStorage<Theme>('starling.theme', 'system')
  const language = useLocalStorage<Language>('starling.language', guess())
  const systemDark = usePreferredDark()
  const dark = computed(() => theme.value === 'dark' || (theme.value !== 'light' && systemDark.value))

  watch(
    dark,
    (isDark) => {
      document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
      const meta = document.querySelector('meta[name="theme-color"]')
      meta?.setAttribute('content', isDark ? BROWSER_COLOUR.dark : BROWSER_COLOUR.light)
    },
    { immediate: true },
  )
  watch(language, apply)

  async function apply(): Promise<void> {
    speak(language.value)
    await setLanguage(language.value)
  }

  return { theme, language, dark, apply }
})

function guess(): Language {
  return navigator.languages.some((tag) => tag.startsWith('zh')) || navigator.languages.length === 0 ? 'zh-CN' : 'en'
}
