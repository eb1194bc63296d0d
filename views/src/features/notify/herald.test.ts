import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Herald } from './herald'
import type { Air } from './herald'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Tabs that hear each other, `delay` after it was said. */
function tabs(ids: string[], looking: (id: string) => boolean = () => false, delay = 1) {
  const airs: Air[] = []
  return ids.map((id) => {
    const air: Air = {
      onmessage: null,
      postMessage: (data) =>
        setTimeout(() => airs.forEach((other) => other !== air && other.onmessage?.({ data } as MessageEvent<unknown>)), delay),
    }
    airs.push(air)
    return new Herald(air, id, () => looking(id))
  })
}

async function settled<T>(answers: (Promise<T> | undefined)[]): Promise<(T | undefined)[]> {
  await vi.advanceTimersByTimeAsync(2_000)
  return Promise.all(answers)
}

test('of three tabs exactly one tells', async () => {
  const heralds = tabs(['b', 'a', 'c'])
  expect(await settled(heralds.map((herald) => herald.mine('u:2 7')))).toEqual([false, true, false])
})

test('a tab that hears of the message late does not tell again', async () => {
  const [first, second] = tabs(['b', 'a'])
  expect(await settled([first?.mine('u:2 7')])).toEqual([true])
  expect(await settled([second?.mine('u:2 7')])).toEqual([false])
})

test('nobody tells while the reader looks at one of the tabs', async () => {
  const heralds = tabs(['a', 'b'], (id) => id === 'b')
  expect(await settled([heralds[0]?.mine('u:2 7')])).toEqual([false])
})

test('each message is told for itself', async () => {
  const [only] = tabs(['a'])
  expect(await settled([only?.mine('u:2 7'), only?.mine('u:2 8')])).toEqual([true, true])
  expect(await settled([only?.mine('u:2 7')])).toEqual([false])
})
