// The rows of a gallery: months, and what was sent in them, newest first. Pure.

import type { FoundEntry } from '@/net/types'

/** Tiles beside each other. */
export const TILES = 3

export type GalleryRow =
  | { key: string; kind: 'month'; at: number }
  | { key: string; kind: 'tiles'; entries: readonly FoundEntry[] }
  | { key: string; kind: 'line'; entry: FoundEntry }

/** `entries`: newest first. Pictures and videos stand in tiles, everything else in lines. */
export function galleryRows(entries: readonly FoundEntry[], tiled: boolean): GalleryRow[] {
  const rows: GalleryRow[] = []
  let month = ''
  let tiles: FoundEntry[] = []
  for (const entry of entries) {
    const own = monthKey(entry.at)
    if (own !== month) {
      month = own
      tiles = []
      rows.push({ key: own, kind: 'month', at: entry.at })
    }
    if (!tiled) {
      rows.push({ key: String(entry.seq), kind: 'line', entry })
      continue
    }
    if (tiles.length % TILES === 0) {
      tiles = []
      rows.push({ key: String(entry.seq), kind: 'tiles', entries: tiles })
    }
    tiles.push(entry)
  }
  return rows
}

function monthKey(at: number): string {
  const day = new Date(at)
  return `${day.getFullYear()}-${day.getMonth() + 1}`
}
