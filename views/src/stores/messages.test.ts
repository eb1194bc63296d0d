// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import type { Shelf } from '../db/db'
import { useMessages } from './messages'
import type { Pending } from './outbox'
import { useSession } from './session'

beforeEach(() => {
  setActivePinia(createPinia())
  useSession().me = { id: 1 } as NonNullable<ReturnType<typeof useSession>['me']>
})

test('what is written while the memory is opened is neither lost nor left out of it M5', () => {
  const messages = useMessages()
  const keep = vi.fn((item: Pending) => Promise.resolve(item.cid))
  messages.send('u:2', { media: 1, content: 'written at once' })
  const unsent = { cid: 'unsent', conv: 'u:2', draft: { media: 1, content: 'unsent' }, attachment: null, createdAt: 1 }
  messages.restore({ keep } as unknown as Shelf, [unsent as unknown as Pending])
  expect(messages.outbox.map(({ draft }) => draft.content)).toEqual(['unsent', 'written at once'])
  expect(keep.mock.calls.map(([item]) => item.draft.content)).toEqual(['written at once'])
})
