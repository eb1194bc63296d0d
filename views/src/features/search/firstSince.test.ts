import { afterEach, describe, expect, it, vi } from 'vitest'
import { firstSince } from './firstSince'
import { api } from '@/net/api'
import type { EntryPage } from '@/net/api'
import type { Entry } from '@/net/types'

function entry(seq: number, kind = 'message'): Entry {
  return { seq, at: seq * 100, conv: 'u:1', from: 1, kind } as Entry
}

function pages(...given: [Entry[], boolean][]) {
  const answers = given.map(([entries, more_after]): EntryPage => ({ entries, more_before: true, more_after }))
  return vi.spyOn(api, 'entries').mockImplementation(() => Promise.resolve(answers.shift() ?? { entries: [], more_before: true, more_after: false }))
}

describe('firstSince', () => {
  afterEach(() => vi.restoreAllMocks())

  it('is the first message at the time or later, not one before it', async () => {
    pages([[entry(1), entry(2), entry(3)], true])
    expect((await firstSince('u:1', 150))?.seq).toBe(2)
  })

  it('passes over what is no message, over pages', async () => {
    const asked = pages([[entry(1), entry(2, 'joined')], true], [[entry(3, 'left'), entry(4)], false])
    expect((await firstSince('u:1', 150))?.seq).toBe(4)
    expect(asked.mock.calls).toEqual([
      ['u:1', { at: 150 }],
      ['u:1', { after: 2 }],
    ])
  })

  it('is nothing where nothing was said since', async () => {
    pages([[entry(1)], false])
    expect(await firstSince('u:1', 150)).toBeNull()
  })
})
