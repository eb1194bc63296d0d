// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { api } from '../net/api'
import type { Entry, Group } from '../net/types'
import { useGroups } from './groups'
import { useSession } from './session'

const group = { id: 3, name: 'Three', role: 'owner' } as Group
const ask = vi.spyOn(api, 'group')

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  useSession().me = { id: 1 } as NonNullable<ReturnType<typeof useSession>['me']>
  ask.mockReset().mockResolvedValue(group)
})

const left = (users: number[]) => ({ seq: 1, conv: 'g:3', from: 2, at: 1, kind: 'left', users }) as Entry
const dissolved = { seq: 2, conv: 'g:3', from: 1, at: 2, kind: 'group', dissolved: true } as Entry

test('several changes of a group cost one request', async () => {
  const groups = useGroups()
  groups.learn(group)
  groups.take(left([2]))
  groups.take(left([4]))
  await vi.advanceTimersByTimeAsync(1_000)
  expect(ask).toHaveBeenCalledTimes(1)
})

test('a group that was dissolved is asked for no more, whatever was to be asked before', async () => {
  const groups = useGroups()
  groups.learn(group)
  groups.take(left([2]))
  groups.take(dissolved)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(ask).not.toHaveBeenCalled()
  expect(groups.gone.has(3)).toBe(true)
  expect(groups.known[3]?.role).toBe(null)
})

test('what was asked before I left does not bring me back', async () => {
  const groups = useGroups()
  groups.learn(group)
  const asked = groups.refresh(3)
  groups.take(left([1]))
  await asked
  expect(groups.known[3]?.role).toBe(null)
  ask.mockResolvedValue({ ...group, role: null })
  await vi.advanceTimersByTimeAsync(1_000)
  expect(ask).toHaveBeenCalledTimes(2)
  expect(groups.known[3]?.role).toBe(null)
})
