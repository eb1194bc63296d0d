// What a message of each kind says, read from fields that any client may have filled in any way. Pure.

import { positive } from './box'
import type { Entry, Meta } from '@/net/types'

/** Longest blurred preview, in characters of its data URI. */
const BLUR_MAX = 1_200
export const BARS = 40
/** Longest recording; a longer one is a file. */
export const VOICE_SECONDS_MAX = 60

/** An address that may be opened; null for anything else a browser would run. */
export function webAddress(url: string | null | undefined): string | null {
  if (!url) return null
  if (/^\/(?![/\\])/.test(url)) return url
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? url : null
}

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : ''
}

/** A tiny picture inside the message, shown blurred until the real one has come. */
export function blurIn(meta: Meta | null | undefined): string | null {
  const blur = meta?.blur
  if (typeof blur !== 'string' || blur.length > BLUR_MAX) return null
  return /^data:image\/(webp|jpeg|png);base64,[\w+/=]+$/.test(blur) ? blur : null
}

/** Heights of a voice message's bars, 0 to 1; a quiet line where the sender sent none. */
export function peaksIn(meta: Meta | null | undefined): number[] {
  const peaks = meta?.peaks
  if (!Array.isArray(peaks) || peaks.length === 0) return Array.from({ length: BARS }, () => 0.12)
  return peaks.slice(0, 2 * BARS).map((peak) => (typeof peak === 'number' ? Math.min(1, Math.max(0, peak / 100)) : 0))
}

export function secondsOf(entry: Entry): number {
  return Math.max(0, Math.round(entry.amount ?? 0))
}

export function bytesIn(meta: Meta | null | undefined): number | null {
  return positive(meta, 'size') || null
}

/** The user a contact card is about. */
export function cardUser(entry: Entry): number | null {
  const id = Number(entry.content)
  return Number.isSafeInteger(id) && id > 0 ? id : null
}

/** A name for a file whose message has none. */
export function fileName(entry: Entry): string {
  if (entry.content) return entry.content
  const last = (entry.url ?? '').split(/[?#]/)[0]?.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
