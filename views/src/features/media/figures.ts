// Numbers as people read them: bytes, seconds, money. Pure.

import type { Language } from '@/i18n'

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const
const STEP = 1024

export function bytesText(bytes: number, language: Language): string {
  const power = bytes < STEP ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(bytes) / Math.log(STEP)))
  const format = new Intl.NumberFormat(language, {
    style: 'unit',
    unit: UNITS[power] ?? 'byte',
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: power === 0 ? 0 : 1,
  })
  return format.format(bytes / STEP ** power)
}

/** Minutes and seconds, as on a clock. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

export function moneyText(cents: number, language: Language): string {
  return new Intl.NumberFormat(language, { style: 'currency', currency: 'CNY', currencyDisplay: 'narrowSymbol' }).format(
    cents / 100,
  )
}

/** The cents that somebody typed; null when it is no amount. Never by floating point. */
export function centsOf(text: string): number | null {
  const match = /^\s*[¥￥]?\s*(\d{1,9})(?:[.。,，](\d{1,2}))?\s*$/.exec(text)
  if (!match) return null
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
}

/** Heights of `count` bars, 0 to 100: the loudest moment of each part, against the loudest of all. */
export function peaksOf(samples: ArrayLike<number>, count: number): number[] {
  const bars = Array.from({ length: count }, (_, bar) => {
    const end = Math.floor(((bar + 1) * samples.length) / count)
    let most = 0
    for (let n = Math.floor((bar * samples.length) / count); n < end; n++) most = Math.max(most, Math.abs(samples[n] ?? 0))
    return most
  })
  const loudest = Math.max(...bars)
  return bars.map((bar) => (loudest > 0 ? Math.round((bar / loudest) * 100) : 0))
}

/** The length of a voice bubble says how long it lasts. */
export function voiceWidth(seconds: number): number {
  const [least, most, longest] = [72, 220, 60]
  return Math.round(least + (most - least) * Math.sqrt(Math.min(seconds, longest) / longest))
}

/** The size that a picture is sent in: no side longer than `most`, never larger than it is. */
export function scaled(width: number, height: number, most: number): { width: number; height: number } {
  const scale = Math.min(1, most / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}
