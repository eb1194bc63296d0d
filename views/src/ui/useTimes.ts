// Chat times in the page's language, moving with the clock.

import { t, currentLanguage } from '@/i18n'
import * as times from '@/i18n/chatTime'
import { useMinuteClock } from './useMinuteClock'

export function useTimes() {
  const now = useMinuteClock()
  const words = () => ({ yesterday: t('time.yesterday') })
  return {
    now,
    /** For a row of a list. */
    short: (at: number) => times.chatTime(at, now.value, currentLanguage(), words()),
    /** The day alone. */
    day: (at: number) => times.chatDay(at, now.value, currentLanguage(), words()) || t('time.today'),
    separator: (at: number) => times.separatorTime(at, now.value, currentLanguage(), words()),
    until: (at: number) => times.untilTime(at, now.value, currentLanguage()),
    date: (at: number) => times.dayOf(at, currentLanguage()),
    month: (at: number) => times.monthOf(at, currentLanguage()),
    clock: (at: number) => times.clock(at),
    full: (at: number) => times.fullTime(at, currentLanguage()),
  }
}
