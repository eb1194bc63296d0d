// What a message of each kind says, read from fields that any client may have filled in any way. Pure.

import type { Entry, Meta } from '@/net/types'

export interface Size {
  width: number
  height: number
}

/** The largest tile of a picture or video in a bubble, and the smallest that leaves room for the time. */
const TILE_MAX: Size = { width: 240, height: 320 }
const TILE_MIN: Size = { width: 112, height: 72 }
/** Of pictures whose sender did not say how large they are. */
const TILE_UNKNOWN: Size = { width: 200, height: 150 }
/** Longest blurred preview, in characters of its data URI. */
const BLUR_MAX = 1_200
export const BARS = 40
/** Longest recording; a longer one is a file. */
export const VOICE_SECONDS_MAX = 60

/** The path of a file of this server; null for other servers' files, which are never loaded by themselves. */
export function ownPath(url: string | null | undefined, origin: string): string | null {
  if (!url) return null
  if (/^\/(?![/\\])/.test(url)) return url
  if (!URL.canParse(url)) return null
  const { origin: theirs, pathname, search } = new URL(url)
  return theirs === origin ? pathname + search : null
}

/** An address that may be opened; null for anything else a browser would run. */
export function webAddress(url: string | null | undefined): string | null {
  if (!url) return null
  if (/^\/(?![/\\])/.test(url)) return url
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? url : null
}

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : ''
}

function positive(meta: Meta | null | undefined, name: string): number {
  const value = meta?.[name]
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

export function sizeIn(meta: Meta | null | undefined): Size | null {
  const width = positive(meta, 'w')
  const height = positive(meta, 'h')
  return width && height ? { width, height } : null
}

/** The box that is kept for a picture before any byte of it has come. */
export function tileOf(size: Size | null): Size {
  if (!size) return TILE_UNKNOWN
  const scale = Math.min(TILE_MAX.width / size.width, TILE_MAX.height / size.height, 1)
  const side = (own: number, least: number, most: number) => Math.min(most, Math.max(least, Math.round(own * scale)))
  return {
    width: side(size.width, TILE_MIN.width, TILE_MAX.width),
    height: side(size.height, TILE_MIN.height, TILE_MAX.height),
  }
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

const EMOJI = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f]|[0-9#*]\ufe0f?\u20e3|\s)+$/u
/** More than these are text again. */
const EMOJI_MAX = 3

/** A few emoji and nothing else: shown larger. */
export function isEmojiOnly(text: string): boolean {
  if (text.length > 64 || !EMOJI.test(text)) return false
  const marks = [...new Intl.Segmenter().segment(text.replace(/\s/g, ''))].length
  return marks > 0 && marks <= EMOJI_MAX
}
