// Who may do what in a group, as the server judges it. Pure; what is not allowed is not offered.

import type { Group, Member, Role, UserId } from '@/net/types'

export type MemberAction = 'makeAdmin' | 'takeAdmin' | 'mute' | 'unmute' | 'transfer' | 'remove'

const RANK: Readonly<Record<Role, number>> = { member: 0, admin: 1, owner: 2 }

/** Profile, announcement, way in, muting everybody, requests and the list of invitations. */
export function manages(role: Role | null | undefined): boolean {
  return role === 'owner' || role === 'admin'
}

/** Bringing friends in and making invitations. */
export function invites(group: Pick<Group, 'role' | 'join'>): boolean {
  return manages(group.role) || (group.role === 'member' && group.join === 'open')
}

export function memberActions(my: Role | null | undefined, me: UserId, member: Member, now: number): MemberAction[] {
  if (!my || member.user.id === me || RANK[my] <= RANK[member.role]) return []
  const muted = (member.muted_until ?? 0) > now
  const found: MemberAction[] = []
  if (my === 'owner') found.push(member.role === 'admin' ? 'takeAdmin' : 'makeAdmin')
  found.push(muted ? 'unmute' : 'mute')
  if (my === 'owner') found.push('transfer')
  return [...found, 'remove']
}

/** Owner first, then admins, then by name. */
export function byRank(members: readonly Member[], nameOf: (id: UserId) => string, compare: (a: string, b: string) => number): Member[] {
  const named = members.map((member) => ({ member, name: nameOf(member.user.id) }))
  named.sort((a, b) => RANK[b.member.role] - RANK[a.member.role] || compare(a.name, b.name))
  return named.map(({ member }) => member)
}
