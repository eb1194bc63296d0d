// What both forms share: one request at a time, errors beside their field, a wait when the server asks for one.

import { useIntervalFn } from '@vueuse/core'
import { computed, nextTick, ref, watch } from 'vue'
import type { Key } from '@/i18n'
import { t } from '@/i18n'
import { codeText } from '@/i18n/errors'
import { ApiError } from '@/net/http'

export function useSubmit(form: Record<string, string>, focus: (field: string) => void) {
  const fields = Object.keys(form)
  const busy = ref(false)
  const invalid = ref<Record<string, Key>>({})
  const refused = ref<{ code: string; message: string; field: string | null } | null>(null)
  const wait = ref(0)
  const ticking = useIntervalFn(
    () => {
      wait.value -= 1
      if (wait.value <= 0) ticking.pause()
    },
    1000,
    { immediate: false },
  )

  const blocked = computed(() => busy.value || wait.value > 0)
  /** The error that belongs to no field. */
  const general = computed(() => {
    if (wait.value > 0) return t('auth.wait', { n: wait.value })
    return refused.value && !refused.value.field ? codeText(refused.value.code, refused.value.message) : null
  })

  function errorOf(field: string): string | null {
    if (refused.value?.field === field) return codeText(refused.value.code, refused.value.message)
    const key = invalid.value[field]
    return key ? t(key) : null
  }

  // What was wrong with a value is not wrong with the next one.
  watch(
    () => ({ ...form }),
    (now, before) => {
      const changed = fields.filter((field) => now[field] !== before[field])
      invalid.value = Object.fromEntries(Object.entries(invalid.value).filter(([field]) => !changed.includes(field)))
      if (refused.value?.field && changed.includes(refused.value.field)) refused.value = null
    },
  )

  /** Why the server refused the field. */
  function codeOf(field: string): string | null {
    return refused.value?.field === field ? refused.value.code : null
  }

  async function submit(check: () => Record<string, Key>, send: () => Promise<void>): Promise<void> {
    if (blocked.value) return
    refused.value = null
    invalid.value = check()
    const first = fields.find((field) => field in invalid.value)
    if (first) return focus(first)
    busy.value = true
    try {
      await send()
    } catch (error) {
      fail(error)
    } finally {
      busy.value = false
    }
  }

  function fail(error: unknown): void {
    const known = error instanceof ApiError ? error : new ApiError(500, 'internal', '')
    const byCode = known.code === 'name_taken' ? 'name' : known.code === 'weak_password' ? 'password' : known.field
    const field = byCode && fields.includes(byCode) ? byCode : null
    if (known.status === 429) {
      wait.value = Math.ceil((known.retryAfterMs ?? 1000) / 1000)
      ticking.resume()
    }
    refused.value = { code: known.code, message: known.message, field }
    void nextTick(() => focus(field ?? fields.at(-1) ?? ''))
  }

  return { busy, blocked, general, errorOf, codeOf, submit }
}
