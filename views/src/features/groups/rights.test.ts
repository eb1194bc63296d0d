import { describe, expect, test } from 'vitest'
import { byRank, invites, manages, memberActions } from './rights'
import type { Member, Role } from '@/net/types'

function member(id: number, role: Role, muted_until: number | null = null): Member {
  return {
    user: { id, name: `n${id}`, nickname: '', avatar: '', sex: 'U', memo: '', online: false },
    role,
    online: false,
    muted_until,
  }
}

describe('what is offered on a member', () => {
  test('the owner may do everything to everybody else', () => {
    expect(memberActions('owner', 1, member(2, 'member'), 0)).toEqual(['makeAdmin', 'mute', 'transfer', 'remove'])
    expect(memberActions('owner', 1, member(2, 'admin'), 0)).toEqual(['takeAdmin', 'mute', 'transfer', 'remove'])
  })

  test('an admin mutes and removes members only', () => {
    expect(memberActions('admin', 1, member(2, 'member'), 0)).toEqual(['mute', 'remove'])
    expect(memberActions('admin', 1, member(2, 'admin'), 0)).toEqual([])
    expect(memberActions('admin', 1, member(2, 'owner'), 0)).toEqual([])
  })

  test('members, strangers and oneself: nothing', () => {
    expect(memberActions('member', 1, member(2, 'member'), 0)).toEqual([])
    expect(memberActions(null, 1, member(2, 'member'), 0)).toEqual([])
    expect(memberActions('owner', 1, member(1, 'owner'), 0)).toEqual([])
  })

  test('who is muted can be unmuted, until the mute is over', () => {
    expect(memberActions('admin', 1, member(2, 'member', 500), 499)).toContain('unmute')
    expect(memberActions('admin', 1, member(2, 'member', 500), 500)).toContain('mute')
  })
})

test('members invite into open groups, owner and admins always', () => {
  expect(invites({ role: 'member', join: 'open' })).toBe(true)
  expect(invites({ role: 'member', join: 'approval' })).toBe(false)
  expect(invites({ role: 'admin', join: 'invite' })).toBe(true)
  expect(invites({ role: null, join: 'open' })).toBe(false)
  expect(manages('member')).toBe(false)
})

test('members stand by rank, then by name', () => {
  const list = [member(3, 'member'), member(2, 'member'), member(4, 'owner'), member(1, 'admin')]
  const names = (id: number) => `n${id}`
  expect(byRank(list, names, (a, b) => a.localeCompare(b)).map((one) => one.user.id)).toEqual([4, 1, 2, 3])
})
