// What a gallery shows, and its rows: months, and what was sent in them, newest first. Pure.

import type { Has } from '@/net/api'
import { ARTICLE, FILE, LINK, PICTURE, TEXT, VIDEO } from '@/net/media'
import type { Entry, FoundEntry } from '@/net/types'
import { current } from '@/stores/timeline'
import type { Timeline } from '@/stores/timeline'

/** Tiles beside each other. */
export const TILES = 3

/** As the server tells texts with an address from others. */
const ADDRESS = /https?:\/\//i

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

/**
 * What was found, as it is by what came in since: without what was recalled or hidden, and, where no words were asked
 * for, behind what is newer.
 */
export function upToDate(found: readonly FoundEntry[], timeline: Timeline, has: Has, words: boolean): FoundEntry[] {
  const last = found[0]?.seq ?? 0
  const newer: FoundEntry[] = []
  for (let at = timeline.order.length - 1; at >= 0 && !words; at--) {
    const entry = timeline.bySeq.get(timeline.order[at] ?? 0)
    if (!entry || entry.seq <= last) break
    if (entry.kind === 'message') newer.push({ ...entry, highlights: [] })
  }
  const all = [...newer, ...found]
  const now = current(timeline, all)
  return all.filter(({ seq }, n) => !timeline.hidden.has(seq) && now[n] && fits(now[n], has))
}

function fits({ recalled, media, content }: Entry, has: Has): boolean {
  if (recalled) return false
  switch (has) {
    case 'media':
      return media === PICTURE || media === VIDEO
    case 'file':
      return media === FILE
    case 'link':
      return media === LINK || media === ARTICLE || (media === TEXT && ADDRESS.test(content ?? ''))
  }
}
