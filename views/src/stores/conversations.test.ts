// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { api } from '../net/api'
import type { Entry, Seq } from '../net/types'
import { useConversations } from './conversations'
import { useSession } from './session'

type ConversationList = Awaited<ReturnType<typeof api.conversations>>

const CONV = 'u:2'
const ask = vi.spyOn(api, 'conversations')

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  useSession().me = { id: 1 } as NonNullable<ReturnType<typeof useSession>['me']>
  ask.mockReset()
})

const said = (seq: Seq, more: Partial<Entry> = {}) => ({ seq, conv: CONV, from: 2, at: seq, kind: 'message', media: 1, content: `${seq}`, ...more }) as Entry

/** The list as a node has it whose log ends at `head`: every entry of this conversation is unread. */
function listAt(head: Seq): ConversationList {
  const last = said(head)
  return { conversations: [{ conv: CONV, kind: 'private', title: 'Bo', icon: '', last, unread: head, read_seq: 0, muted: false, pinned: false }], head } as ConversationList
}

/** A list that is asked for now and answered later. */
function asked(): (answer: ConversationList) => Promise<void> {
  let answered: (answer: ConversationList) => void = () => undefined
  ask.mockReturnValueOnce(new Promise((resolve) => (answered = resolve)))
  return async (answer) => {
    answered(answer)
    await vi.advanceTimersByTimeAsync(0)
  }
}

const item = () => useConversations().items[CONV]

test('what comes while the first list is on its way is counted, whether the answer has it or not M15', async () => {
  const list = useConversations()
  const answer = asked()
  void list.load()
  for (const seq of [1, 2, 3]) list.take(said(seq))
  await answer(listAt(2))
  expect(item()).toMatchObject({ unread: 2 })
  list.take(said(4))
  ask.mockResolvedValueOnce(listAt(3))
  await vi.advanceTimersByTimeAsync(1_000)
  expect(item()).toMatchObject({ unread: 4, last: { seq: 4 } })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ask).toHaveBeenCalledTimes(2)
})

test('a node that stays behind is asked again and again, but ever more seldom', async () => {
  const list = useConversations()
  const answer = asked()
  void list.load()
  list.take(said(3))
  await answer(listAt(2))
  ask.mockResolvedValue(listAt(2))
  await vi.advanceTimersByTimeAsync(1_000)
  const soon = ask.mock.calls.length
  expect(soon).toBeGreaterThan(2)
  await vi.advanceTimersByTimeAsync(100_000)
  expect(ask.mock.calls.length - soon).toBeLessThan(20)
  ask.mockResolvedValue(listAt(3))
  await vi.advanceTimersByTimeAsync(10_000)
  expect(item()).toMatchObject({ unread: 3 })
  const asks = ask.mock.calls.length
  await vi.advanceTimersByTimeAsync(100_000)
  expect(ask).toHaveBeenCalledTimes(asks)
})

test('an answer is completed by what came after the place it is true at M9', async () => {
  const list = useConversations()
  ask.mockResolvedValueOnce(listAt(5))
  await list.load()
  list.take(said(6, { mentions: [1] }))
  list.take(said(7, { from: 1 }))
  list.take(said(8))
  ask.mockResolvedValueOnce(listAt(6))
  await list.load()
  expect(item()).toMatchObject({ unread: 7, mentioned: true, last: { seq: 8 } })
})

test('answers that overtake each other leave the later one', async () => {
  const list = useConversations()
  const [first, second] = [asked(), asked()]
  void list.load()
  void list.load()
  await second(listAt(9))
  await first(listAt(4))
  expect(item()).toMatchObject({ unread: 9, last: { seq: 9 } })
})

test('a conversation in which they do not cease is listed all the same', async () => {
  const list = useConversations()
  ask.mockResolvedValueOnce({ ...listAt(1), conversations: [] })
  await list.load()
  ask.mockImplementation(() => Promise.resolve(listAt(50)))
  for (let seq = 2; seq <= 20; seq++) {
    list.take(said(seq))
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(item()).toMatchObject({ unread: 50 })
})

test('what was read here while the answer was on its way is not unread again', async () => {
  const list = useConversations()
  ask.mockResolvedValueOnce(listAt(5))
  await list.load()
  const answer = asked()
  void list.load()
  list.read(CONV, 5)
  list.take(said(6))
  await answer(listAt(5))
  expect(item()).toMatchObject({ unread: 1, read_seq: 5 })
})
