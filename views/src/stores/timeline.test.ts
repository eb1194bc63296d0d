import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Entry } from '../net/types'
import { push, remove } from './outbox'
import type { Outbox } from './outbox'
import { add, addNewer, addNewest, addOlder, emptyTimeline, entryOf, hide, join, partAround, visible } from './timeline'
import type { Timeline } from './timeline'

const ME = 1
const CONV = 'g:9'

interface Held {
  timeline: Timeline
  outbox: Outbox
}

type Delivery = (held: Held) => Held

/** What the store does with entries from any source. */
function take(held: Held, entries: Entry[]): Held {
  const own = entries.flatMap((entry) => (entry.from === ME && entry.cid ? [entry.cid] : []))
  return { timeline: add(held.timeline, entries), outbox: own.reduce(remove, held.outbox) }
}

function ack(entry: Entry): Delivery {
  return (held) => {
    const item = held.outbox.find((one) => one.cid === entry.cid)
    return item ? take(held, [entryOf(item, ME, entry.seq, entry.at)]) : held
  }
}

/** A log in which I and others write, edit and recall. */
const log = fc
  .array(fc.record({ mine: fc.boolean(), act: fc.constantFrom('message', 'message', 'message', 'recall', 'edit'), pick: fc.nat() }), {
    minLength: 1,
    maxLength: 25,
  })
  .map((plan) => {
    const entries: Entry[] = []
    plan.forEach(({ mine, act, pick }, index) => {
      const seq = 10 + index * 3
      const base = { seq, conv: CONV, from: mine ? ME : 2, at: 1000 + seq }
      const messages = entries.filter((entry) => entry.kind === 'message')
      const target = messages[pick % Math.max(1, messages.length)]?.seq
      if (act === 'message' || target === undefined) {
        entries.push({ ...base, kind: 'message', media: 1, content: `text ${seq}`, ...(mine ? { cid: `cid-${seq}` } : {}) })
      } else entries.push({ ...base, kind: act, target, ...(act === 'edit' ? { content: `edited ${seq}` } : {}) })
    })
    return entries
  })

/** Every entry arrives at least once: live, as an ack, in sync pages, some of them again. */
const scenario = log.chain((entries) => {
  const lives: Delivery[] = entries.map((entry) => (held) => take(held, [entry]))
  const acks = entries.filter((entry) => entry.kind === 'message' && entry.cid).map(ack)
  const page: Delivery = (held) => take(held, entries.slice(0, Math.ceil(entries.length / 2)))
  const pool = [...lives, ...lives, ...acks, ...acks, page]
  return fc
    .shuffledSubarray(pool, { minLength: pool.length, maxLength: pool.length })
    .map((deliveries) => ({ entries, deliveries }))
})

function finalState(entries: Entry[], deliveries: readonly Delivery[]): Held {
  const outbox = entries
    .filter((entry) => entry.kind === 'message' && entry.cid)
    .reduce<Outbox>(
      (box, entry) => push(box, { cid: entry.cid ?? '', conv: CONV, draft: { media: 1, content: entry.content ?? '' }, createdAt: 0 }),
      [],
    )
  return deliveries.reduce((held, deliver) => deliver(held), { timeline: emptyTimeline, outbox })
}

describe('the shown list', () => {
  test('is the same for every interleaving of acks, live entries, sync pages and repeats', () => {
    fc.assert(
      fc.property(scenario, ({ entries, deliveries }) => {
        const held = finalState(entries, deliveries)
        const inOrder = finalState(entries, entries.map((entry): Delivery => (before) => take(before, [entry])))
        expect(visible(held.timeline, held.outbox, ME)).toEqual(visible(inOrder.timeline, inOrder.outbox, ME))
        expect(held.outbox).toEqual([])
        expect(held.timeline.order).toEqual(entries.map((entry) => entry.seq))
      }),
      { numRuns: 300 },
    )
  })

  test('never shows a message twice on the way there, and a message keeps its key', () => {
    fc.assert(
      fc.property(scenario, ({ entries, deliveries }) => {
        let held = finalState(entries, [])
        const keyOf = new Map(visible(held.timeline, held.outbox, ME).map((one) => [one.cid, one.key]))
        for (const deliver of deliveries) {
          held = deliver(held)
          const shown = visible(held.timeline, held.outbox, ME)
          expect(new Set(shown.map((one) => one.key)).size).toBe(shown.length)
          for (const one of shown) if (one.cid) expect(one.key).toBe(keyOf.get(one.cid))
        }
      }),
      { numRuns: 100 },
    )
  })
})

const message = (seq: number, more: Partial<Entry> = {}): Entry => ({
  seq, conv: CONV, from: 2, at: seq, kind: 'message', media: 1, content: `text ${seq}`, ...more,
})

test('the form of an entry that history changed wins over its live form, in either order', () => {
  const live = message(5)
  const history = message(5, { content: '', recalled: true })
  for (const pair of [[live, history], [history, live]]) {
    expect(visible(add(emptyTimeline, pair), [], ME)[0]?.entry.recalled).toBe(true)
  }
})

test('the newest page drops what may have a hole behind it and keeps what is newer', () => {
  const early = add(emptyTimeline, [message(3), message(50), message(60)])
  const timeline = addNewest(early, [message(40), message(50)], true)
  expect(timeline).toMatchObject({ order: [40, 50, 60], moreBefore: true, loaded: true })
})

test('a newest page read again fills in what was missed, and starts over where it does not reach back', () => {
  const loaded = addNewest(emptyTimeline, [message(40), message(50)], true)
  expect(addNewest(loaded, [message(50), message(60)], true).order).toEqual([40, 50, 60])
  expect(addNewest(loaded, [message(90), message(95)], true)).toMatchObject({ order: [90, 95], moreBefore: true })
  expect(addNewest(loaded, [message(30), message(40), message(50)], false).order).toEqual([30, 40, 50])
})

test('an older page goes to the front', () => {
  const timeline = addOlder(addNewest(emptyTimeline, [message(40)], true), [message(10), message(20)], false)
  expect(timeline).toMatchObject({ order: [10, 20, 40], moreBefore: false })
})

test('a pending message stands last, and steps aside for its entry', () => {
  const timeline = add(emptyTimeline, [message(1)])
  const outbox = push([], { cid: 'x', conv: CONV, draft: { media: 1, content: 'hi' }, createdAt: 0 })
  expect(visible(timeline, outbox, ME).map((one) => one.state)).toEqual(['sent', 'pending'])
  const after = add(timeline, [message(2, { from: ME, cid: 'x' })])
  expect(visible(after, outbox, ME).map((one) => one.key)).toEqual(['s1', 'cx'])
})

test('nothing brings a recalled message back, and of two edits the later one stands', () => {
  const change = (seq: number, kind: string, more: Partial<Entry> = {}): Entry => message(seq, { kind, target: 1, ...more })
  const recalled = add(emptyTimeline, [message(1), change(2, 'recall'), change(3, 'edit', { content: 'again' })])
  expect(visible(recalled, [], ME)[0]?.entry).toMatchObject({ recalled: true })
  expect(visible(recalled, [], ME)[0]?.entry.content).toBeUndefined()
  const edited = add(emptyTimeline, [change(5, 'edit', { content: 'late' }), message(1), change(4, 'edit', { content: 'early' })])
  expect(visible(edited, [], ME).map((one) => one.entry.content)).toEqual(['late'])
})

test('what was deleted for me stays away, also when its frame comes again', () => {
  const message = (seq: number): Entry => ({ seq, conv: CONV, from: 2, at: seq, kind: 'message', media: 1, content: `text ${seq}` })
  const timeline = add(hide(add(emptyTimeline, [message(1), message(2)]), 1), [message(1), message(3)])
  expect(visible(timeline, [], ME).map((one) => one.seq)).toEqual([2, 3])
})

describe('reactions', () => {
  const at = (seq: number, more: Partial<Entry>): Entry => ({ seq, conv: CONV, from: 2, at: seq, kind: 'message', media: 1, content: 'x', ...more })
  const react = (seq: number, from: number, on: boolean, emoji = '👍') => at(seq, { kind: 'reaction', target: 1, from, on, emoji })
  const shown = (entries: Entry[]) => visible(add(emptyTimeline, entries), [], ME)[0]?.entry.reactions

  test('add up to one of each user, and what was taken off is gone', () => {
    expect(shown([at(1, {}), react(2, 2, true), react(3, 3, true), react(4, 2, false)])).toEqual([{ emoji: '👍', count: 1, users: [3] }])
    expect(shown([at(1, {}), react(2, 2, true), react(3, 2, false)])).toEqual([])
  })

  test('of a page count once, though the page holds their entries too', () => {
    const told = [{ emoji: '👍', count: 2, users: [2, 3] }]
    expect(shown([at(1, { reactions: told }), react(2, 2, true), react(3, 3, true), react(3, 3, true)])).toEqual(told)
    expect(shown([at(1, {}), at(1, { reactions: told })])).toEqual(told)
  })

  test('of a recalled message are gone', () => {
    expect(shown([at(1, {}), react(2, 2, true), at(3, { kind: 'recall', target: 1 })])).toBeUndefined()
  })
})

describe('a part apart from the end', () => {
  const message = (seq: number, more: Partial<Entry> = {}): Entry => ({ seq, conv: CONV, from: 2, at: seq, kind: 'message', media: 1, content: `text ${seq}`, ...more })
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => message(from + n))
  const end = addNewest(emptyTimeline, range(90, 99), true)

  test('joins when it has grown up to the end, and then reaches as far back as it did', () => {
    const part = partAround(range(10, 19), true, true)
    expect(join(end, part)).toBeNull()
    const joined = join(end, addNewer(part, range(20, 90), true))
    expect(joined?.order).toEqual(range(10, 99).map(({ seq }) => seq))
    expect(joined?.moreBefore).toBe(true)
    expect(joined?.moreAfter).toBe(false)
  })

  test('shows what has become of its messages since', () => {
    const part = partAround(range(10, 19), true, true)
    const changed = add(end, [message(100, { kind: 'recall', target: 12 }), message(101, { kind: 'edit', target: 13, content: 'new' })])
    const shown = visible(part, [], ME, changed)
    expect(shown.map(({ seq }) => seq)).toEqual(range(10, 19).map(({ seq }) => seq))
    expect(shown[2]?.entry.recalled).toBe(true)
    expect(shown[3]?.entry.content).toBe('new')
  })
})
