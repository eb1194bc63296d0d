// How much room a message takes before any byte of it has come. Pure.

import { PICTURE, STICKER, VIDEO, VOICE } from '@/net/media'
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
export function positive(meta: Meta | null | undefined, name: string): number {
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

export function boxOf({ media, meta }: Entry): Size {
  switch (media) {
    case PICTURE:
    case VIDEO:
      return tileOf(sizeIn(meta))
    case STICKER:
      return { width: 120, height: 120 }
    case VOICE:
      return { width: 180, height: 36 }
    default:
      return { width: 224, height: 72 }
  }
}
