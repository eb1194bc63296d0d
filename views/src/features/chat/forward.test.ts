import fc from 'fast-check'
import { expect, test } from 'vitest'
import { draftOf, merged, MERGED_MAX, recordsOf } from './forward'
import { MERGED } from '@/net/media'
import type { Entry } from '@/net/types'

const entry = (over: Partial<Entry> = {}): Entry => ({ seq: 1, conv: 'u:2', from: 2, at: 1_000, kind: 'message', media: 1, content: 'x', ...over })
const sent = (draft: ReturnType<typeof merged>): Entry => entry({ ...draft, meta: JSON.parse(JSON.stringify(draft?.meta)) })

test('a message goes on as it is, without whom it answered and called', () => {
  const picture = entry({ media: 4, content: null, url: '/files/1/a.png', meta: { w: 3 }, reply_to: 9, mentions: [1], cid: 'c' })
  expect(draftOf(picture)).toEqual({ media: 4, url: '/files/1/a.png', meta: { w: 3 } })
})

test('merged messages come apart again as they were, whatever they say', () => {
  const messages = fc.array(fc.record({ from: fc.integer({ min: 1, max: 3 }), content: fc.string({ unit: 'binary', maxLength: 20 }) }), {
    minLength: 1,
    maxLength: 8,
  })
  const names: Record<number, string> = { 1: '林：夏', 2: 'A\nda', 3: '' }
  fc.assert(
    fc.property(messages, (plan) => {
      const entries = plan.map((one, n) => entry({ ...one, at: 5_000 + n * 1_000 }))
      const draft = merged('title', entries, (id) => names[id] ?? '')
      expect(draft?.media).toBe(MERGED)
      expect(recordsOf(sent(draft))).toEqual(entries.map(({ from, content, at }) => ({ name: names[from], text: content, at })))
    }),
    { numRuns: 100 },
  )
})

test('too much for one message is not merged', () => {
  expect(merged('t', Array.from({ length: MERGED_MAX + 1 }, () => entry()), () => 'a')).toBeNull()
  expect(merged('t', [entry({ content: '中'.repeat(5_000) }), entry({ content: '中'.repeat(500) })], () => 'a')).toBeNull()
  expect(merged('t', [], () => 'a')).toBeNull()
})

test('what does not fit together is no merged message', () => {
  const good = sent(merged('t', [entry(), entry()], () => 'a'))
  expect(recordsOf({ ...good, content: 'short' })).toBeNull()
  expect(recordsOf({ ...good, meta: { at: 1, marks: [[0, -1, 5]] } })).toBeNull()
  expect(recordsOf({ ...good, meta: null })).toBeNull()
})
