import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { api } from '../net/api'
import { useDrafts } from './drafts'

const CONV = 'u:2'
const set = vi.spyOn(api, 'setConversation')

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  set.mockReset().mockResolvedValue({})
})

const text = () => useDrafts().items.get(CONV)?.text

test('what is typed goes to the server after a rest, once', async () => {
  const drafts = useDrafts()
  drafts.write(CONV, 'h', 1)
  drafts.write(CONV, 'hi', 2)
  expect(set).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(set.mock.calls).toEqual([[CONV, { draft: 'hi' }]])
  expect(drafts.items.get(CONV)).toMatchObject({ text: 'hi', synced: true })
})

test('another device changes a draft that nobody works on here, and no other', async () => {
  const drafts = useDrafts()
  drafts.hear(CONV, 'from there')
  expect(text()).toBe('from there')
  drafts.write(CONV, 'from here', 3)
  drafts.hear(CONV, 'from there again')
  expect(text()).toBe('from here')
})

test('an echo of what was typed a moment ago does not take back what was typed since', async () => {
  const drafts = useDrafts()
  drafts.write(CONV, 'ab', 2)
  await vi.advanceTimersByTimeAsync(1_000)
  drafts.write(CONV, 'abc', 3)
  drafts.hear(CONV, 'ab')
  expect(text()).toBe('abc')
})

test('a sent message is no draft any more, at once and everywhere', async () => {
  const drafts = useDrafts()
  drafts.hear(CONV, 'old')
  drafts.write(CONV, '', 0)
  await vi.advanceTimersByTimeAsync(0)
  expect(set.mock.calls).toEqual([[CONV, { draft: '' }]])
  expect(drafts.items.has(CONV)).toBe(false)
})

test('what the server could not be told goes with the next connection', async () => {
  const drafts = useDrafts()
  set.mockRejectedValueOnce(new Error('cut'))
  drafts.write(CONV, 'kept', 4)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(drafts.items.get(CONV)).toMatchObject({ text: 'kept', synced: false })
  drafts.pushAll()
  await vi.advanceTimersByTimeAsync(0)
  expect(drafts.items.get(CONV)).toMatchObject({ synced: true })
})
