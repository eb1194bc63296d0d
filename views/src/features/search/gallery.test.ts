import { describe, expect, it } from 'vitest'
import { galleryRows, upToDate } from './gallery'
import type { Has } from '@/net/api'
import { FILE, LINK, PICTURE, TEXT, VIDEO } from '@/net/media'
import type { Entry, FoundEntry } from '@/net/types'
import { addNewest, emptyTimeline, hide } from '@/stores/timeline'

function sent(seq: number, month: number): FoundEntry {
  return { seq, at: new Date(2_026, month, seq).getTime(), conv: 'u:1', from: 1, kind: 'message', highlights: [] } as unknown as FoundEntry
}

function shape(rows: ReturnType<typeof galleryRows>): unknown[] {
  return rows.map((row) => {
    if (row.kind === 'month') return new Date(row.at).getMonth()
    return row.kind === 'tiles' ? row.entries.map(({ seq }) => seq) : `line ${row.entry.seq}`
  })
}

describe('galleryRows', () => {
  const entries = [sent(9, 6), sent(8, 6), sent(7, 6), sent(6, 6), sent(5, 4), sent(4, 4)]

  it('sets tiles in threes below their months', () => {
    expect(shape(galleryRows(entries, true))).toEqual([6, [9, 8, 7], [6], 4, [5, 4]])
  })

  it('sets anything else in lines', () => {
    expect(shape(galleryRows(entries.slice(3), false))).toEqual([6, 'line 6', 4, 'line 5', 'line 4'])
  })

  it('keeps the keys of what was there when older ones come', () => {
    const before = galleryRows(entries.slice(0, 4), true).map(({ key }) => key)
    const after = galleryRows(entries, true).map(({ key }) => key)
    expect(after.slice(0, before.length)).toEqual(before)
    expect(new Set(after).size).toBe(after.length)
  })

  it('has no rows of nothing', () => {
    expect(galleryRows([], true)).toEqual([])
  })
})

describe('upToDate', () => {
  const entry = (seq: number, more: Partial<Entry> = {}): Entry => ({ seq, conv: 'u:1', from: 1, at: seq, kind: 'message', media: PICTURE, ...more })
  const found = [7, 4, 2].map((seq): FoundEntry => ({ ...entry(seq), highlights: [] }))
  const seqs = (came: Entry[], has: Has = 'media', words = false) => upToDate(found, addNewest(emptyTimeline, came, true), has, words).map(({ seq }) => seq)

  it('puts what is newer in front, newest first', () => {
    expect(seqs([entry(4), entry(5), entry(7), entry(8), entry(9, { media: VIDEO })])).toEqual([9, 8, 7, 4, 2])
  })

  it('adds nothing to what words found', () => {
    expect(seqs([entry(8)], 'media', true)).toEqual([7, 4, 2])
  })

  it('leaves out what was recalled, also what is not loaded', () => {
    expect(seqs([entry(7), entry(8), entry(9, { kind: 'recall', target: 8 }), entry(10, { kind: 'recall', target: 2 })])).toEqual([7, 4])
  })

  it('leaves out what the user hid', () => {
    const timeline = hide(addNewest(emptyTimeline, [entry(8)], true), 4)
    expect(upToDate(found, timeline, 'media', false).map(({ seq }) => seq)).toEqual([8, 7, 2])
  })

  it('knows each kind', () => {
    const came = [
      entry(8, { media: FILE }),
      entry(9, { media: LINK }),
      entry(10, { media: TEXT, content: 'see HTTPS://birds.example' }),
      entry(11, { media: TEXT, content: 'no address' }),
      entry(12, { kind: 'notice', media: null }),
    ]
    expect(seqs(came)).toEqual([7, 4, 2])
    expect(seqs(came, 'file')).toEqual([8])
    expect(seqs(came, 'link')).toEqual([10, 9])
  })

  it('leaves out a text whose address was edited away', () => {
    const text = entry(8, { media: TEXT, content: 'http://a.example' })
    expect(seqs([text, entry(9, { kind: 'edit', target: 8, content: 'nothing' })], 'link')).toEqual([])
  })
})
