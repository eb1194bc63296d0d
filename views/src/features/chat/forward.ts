// Messages sent on: one by one as they are, or several as one. Pure.

import { messageText } from './preview'
import type { NameOf } from './preview'
import { MERGED } from '@/net/media'
import type { Draft, Entry } from '@/net/types'

/** A merged message holds texts, within the limits of one text and of its meta. */
export const MERGED_MAX = 50
const CONTENT_BYTES_MAX = 16 * 1024
const META_BYTES_MAX = 2 * 1024
/** Stands between a name and what it said, in the readable form. */
const COLON = '：'

/** The same message as a new one: to whom it answered and whom it called is left behind. */
export function draftOf({ media, content, url, pic, memo, amount, meta }: Entry): Draft {
  return {
    media: media ?? 1,
    ...(content && { content }),
    ...(url && { url }),
    ...(pic && { pic }),
    ...(memo && { memo }),
    ...(amount && { amount }),
    ...(meta && { meta }),
  }
}

/** One message of a merged one. */
export interface MergedItem {
  name: string
  text: string
  at: number
}

/** Seconds since the first, length of the name, length of the text; both in UTF-16 code units. */
type Mark = [number, number, number]

/**
 * Several messages as one. `content` is a text that anybody can read, whatever his client knows; `meta` says where in it
 * which message lies. Null: too much for one message.
 */
export function merged(title: string, entries: readonly Entry[], nameOf: NameOf): Draft | null {
  const first = entries[0]
  if (!first || entries.length > MERGED_MAX) return null
  const records = entries.map((entry) => ({ name: nameOf(entry.from), text: textOf(entry), at: entry.at }))
  const marks = records.map(({ name, text, at }): Mark => [Math.round((at - first.at) / 1000), name.length, text.length])
  const content = records.map(({ name, text }) => `${name}${COLON}${text}`).join('\n')
  const meta = { at: first.at, marks }
  const size = (value: string) => new TextEncoder().encode(value).length
  if (size(content) > CONTENT_BYTES_MAX || size(JSON.stringify(meta)) > META_BYTES_MAX) return null
  return { media: MERGED, content, memo: title, meta }
}

function textOf(entry: Entry): string {
  return (entry.media ?? 1) === 1 ? (entry.content ?? '') : messageText(entry)
}

/** What a merged message holds; null where it is none that this page understands. */
export function recordsOf({ content, meta }: Entry): MergedItem[] | null {
  const { at, marks } = meta ?? {}
  if (!content || typeof at !== 'number' || !Array.isArray(marks) || marks.length > MERGED_MAX || !marks.every(isMark)) return null
  const records: MergedItem[] = []
  let place = 0
  for (const [seconds, name, text] of marks) {
    const start = place + name + COLON.length
    records.push({ name: content.slice(place, place + name), text: content.slice(start, start + text), at: at + seconds * 1000 })
    place = start + text + 1
  }
  return place === content.length + 1 ? records : null
}

function isMark(value: unknown): value is Mark {
  return Array.isArray(value) && value.length === 3 && value.every((one) => Number.isInteger(one)) && value[1] >= 0 && value[2] >= 0
}
