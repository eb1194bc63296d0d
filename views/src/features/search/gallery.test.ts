import { describe, expect, it } from 'vitest'
import { galleryRows } from './gallery'
import type { FoundEntry } from '@/net/types'

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
