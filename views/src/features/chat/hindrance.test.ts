import { expect, test } from 'vitest'
import { hindrance } from './hindrance'
import type { Group } from '@/net/types'

const group: Group = { id: 7, name: 'g', icon: '', category: 0, memo: '', owner: 1, join: 'open', members: 3, role: 'member' }
const standing = { conv: 'g:7', group, dissolved: false, now: 1_000 }

test('a member of a group that is open writes', () => {
  expect(hindrance(standing)).toBeNull()
  expect(hindrance({ ...standing, group: { ...group, muted_until: 999 } })).toBeNull()
  expect(hindrance({ ...standing, group: undefined })).toBeNull()
})

test('who was removed, or whose group has ended, does not', () => {
  expect(hindrance({ ...standing, group: { ...group, role: null } })).toEqual({ why: 'notMember' })
  expect(hindrance({ ...standing, dissolved: true })).toEqual({ why: 'dissolved' })
})

test('a mute says whose it is and when it ends', () => {
  expect(hindrance({ ...standing, group: { ...group, muted_until: 2_000 } })).toEqual({ why: 'muted', until: 2_000 })
  const all = { ...group, muted_until: 2_000, all_muted_until: 2_000 }
  expect(hindrance({ ...standing, group: all })).toEqual({ why: 'allMuted', until: 2_000 })
  expect(hindrance({ ...standing, group: { ...all, role: 'admin' } })).toEqual({ why: 'muted', until: 2_000 })
})

test('in private only the server knows', () => {
  expect(hindrance({ ...standing, conv: 'u:5', group: undefined })).toBeNull()
})
