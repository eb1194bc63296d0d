// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { api } from '../net/api'
import { useDrafts } from './drafts'

const CONV = 'u:2'
const set = vi.spyOn(api, 'setConversation')

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  localStorage.clear()
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

test('a list that was asked for before the server took a draft does not take it back', async () => {
  const drafts = useDrafts()
  const before = drafts.mark()
  drafts.write(CONV, 'typed', 5)
  drafts.pushAll()
  drafts.listed(CONV, '', before)
  await vi.advanceTimersByTimeAsync(0)
  drafts.listed(CONV, '', before)
  expect(drafts.items.get(CONV)).toMatchObject({ text: 'typed', synced: true })
  drafts.listed(CONV, 'changed there', drafts.mark())
  expect(text()).toBe('changed there')
})

const remember = (written: object) => localStorage.setItem(`starling.draft.7.${CONV}`, JSON.stringify({ caret: 0, ...written }))

test('a draft that this device remembers as untold, and the server has, follows the other devices again', () => {
  const drafts = useDrafts()
  drafts.hear(CONV, 'told in time')
  remember({ text: 'told in time', synced: false })
  drafts.restore(7)
  drafts.hear(CONV, 'changed there')
  expect(text()).toBe('changed there')
})

test('an untold draft survives a reload, a told one gives way to what the server says', () => {
  const drafts = useDrafts()
  drafts.hear(CONV, 'there')
  remember({ text: 'old', synced: true })
  drafts.restore(7)
  expect(text()).toBe('there')
  remember({ text: 'mine', synced: false })
  drafts.restore(7)
  expect(text()).toBe('mine')
})

test('each key press is remembered at once, for its user only, until he logs out', () => {
  useDrafts().restore(7)
  useDrafts().write(CONV, 'k', 1)
  setActivePinia(createPinia())
  useDrafts().restore(8)
  expect(text()).toBeUndefined()
  useDrafts().restore(7)
  expect(text()).toBe('k')
  useDrafts().erase()
  expect(localStorage.length).toBe(0)
})

test('a message that is sent while its draft is on the way does not come back as a draft', async () => {
  const drafts = useDrafts()
  let answer: () => void = () => undefined
  set.mockImplementationOnce(() => new Promise((resolve) => (answer = () => resolve({}))))
  drafts.write(CONV, 'sent soon', 9)
  await vi.advanceTimersByTimeAsync(1_000)
  drafts.write(CONV, '', 0)
  expect(text() ?? '').toBe('')
  answer()
  await vi.advanceTimersByTimeAsync(0)
  expect(set.mock.calls.at(-1)).toEqual([CONV, { draft: '' }])
  drafts.signalled(CONV, 'sent soon')
  expect(drafts.items.has(CONV)).toBe(false)
})
