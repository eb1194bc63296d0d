// Every request of the v1 interface this client makes, by name.

import { request, requestText } from './http'
import type {
  AdminUser,
  AuditTrace,
  ClusterReport,
  Conv,
  Conversation,
  ConversationSettings,
  Entry,
  FoundEntry,
  Friends,
  Group,
  Invite,
  JoinMode,
  JoinRequest,
  LoginSession,
  Me,
  Member,
  NewRegistration,
  NewInvite,
  Packet,
  Registration,
  Role,
  Seq,
  User,
  UserId,
} from './types'

/** What identifies this client in the list of sessions. */
function device(): string {
  const mobile = /Mobi|Android|iPhone|iPad/.test(navigator.userAgent)
  const browser = /Edg\//.test(navigator.userAgent)
    ? 'Edge'
    : /Firefox\//.test(navigator.userAgent)
      ? 'Firefox'
      : /Chrome\//.test(navigator.userAgent)
        ? 'Chrome'
        : /Safari\//.test(navigator.userAgent)
          ? 'Safari'
          : 'Browser'
  return mobile ? `${browser} (mobile)` : browser
}

interface Identity {
  user: Me
}

/** A page of a conversation, ascending. */
export interface EntryPage {
  entries: Entry[]
  more_before: boolean
  more_after: boolean
}

/** Which page: before or after a place without it, around one with it, or around a time; none: the newest. */
export type Where = { before?: Seq; after?: Seq; around?: Seq; at?: number }

/** What messages are looked for by besides words. */
export type Has = 'media' | 'file' | 'link'

export interface Profile {
  nickname?: string
  avatar?: string
  sex?: string
  memo?: string
  phone?: string
  email?: string
}

export interface GroupProfile {
  name?: string
  icon?: string
  category?: number
  memo?: string
  join?: JoinMode
  /** Everybody but owner and admins is muted until then; 0: nobody. */
  muted_until?: number
}

function query(values: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value != null)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`
}

export const api = {
  register: (name: string, password: string, nickname: string, invite?: string) =>
    request<Identity>('POST', '/api/v1/register', {
      name,
      password,
      nickname: nickname || undefined,
      invite: invite || undefined,
      device: device(),
    }),
  login: (name: string, password: string) =>
    request<Identity>('POST', '/api/v1/login', { name, password, device: device() }),
  logout: () => request<undefined>('POST', '/api/v1/logout'),
  me: () => request<Me>('GET', '/api/v1/me'),
  changeMe: (profile: Profile) => request<Me>('PATCH', '/api/v1/me', profile),
  deleteMe: (password: string) => request<undefined>('DELETE', '/api/v1/me', { password }),
  changePassword: (old: string, fresh: string) => request<undefined>('POST', '/api/v1/me/password', { old, new: fresh }),
  sessions: () => request<{ sessions: LoginSession[] }>('GET', '/api/v1/me/sessions'),
  revoke: (id: number | string) => request<undefined>('DELETE', `/api/v1/me/sessions/${id}`),
  balance: () => request<{ balance: number }>('GET', '/api/v1/me/balance'),

  searchUsers: (q: string) => request<{ users: User[] }>('GET', `/api/v1/users${query({ q, limit: 20 })}`),
  user: (id: UserId) => request<User>('GET', `/api/v1/users/${id}`),
  friends: () => request<Friends>('GET', '/api/v1/friends'),
  befriend: (id: UserId, message: string) =>
    request<{ state: 'friends' | 'requested' }>('POST', '/api/v1/friends', { id, message: message || undefined }),
  answer: (id: number, accept: boolean) => request<undefined>('POST', `/api/v1/friends/requests/${id}`, { accept }),
  remark: (id: UserId, remark: string) => request<undefined>('PATCH', `/api/v1/friends/${id}`, { remark }),
  unfriend: (id: UserId) => request<undefined>('DELETE', `/api/v1/friends/${id}`),
  blocks: () => request<{ blocks: User[] }>('GET', '/api/v1/blocks'),
  block: (id: UserId) => request<undefined>('PUT', `/api/v1/blocks/${id}`),
  unblock: (id: UserId) => request<undefined>('DELETE', `/api/v1/blocks/${id}`),

  groups: () => request<{ groups: Group[] }>('GET', '/api/v1/groups'),
  searchGroups: (q: string) => request<{ groups: Group[] }>('GET', `/api/v1/groups${query({ q })}`),
  group: (id: number) => request<Group>('GET', `/api/v1/groups/${id}`),
  createGroup: (profile: GroupProfile & { name: string; members?: UserId[] }) =>
    request<Group>('POST', '/api/v1/groups', profile),
  changeGroup: (id: number, profile: GroupProfile) => request<Group>('PATCH', `/api/v1/groups/${id}`, profile),
  dissolveGroup: (id: number) => request<undefined>('DELETE', `/api/v1/groups/${id}`),
  joinGroup: (id: number, message?: string, code?: string) =>
    request<Group & { state: 'joined' | 'requested' }>('POST', `/api/v1/groups/${id}/join`, { message, code }),
  leaveGroup: (id: number) => request<undefined>('POST', `/api/v1/groups/${id}/leave`, {}),
  transferGroup: (id: number, user: UserId) => request<Group>('POST', `/api/v1/groups/${id}/transfer`, { user }),
  members: (id: number, after?: string | number, limit = 200) =>
    request<{ members: Member[]; next?: string | number | null }>(
      'GET',
      `/api/v1/groups/${id}/members${query({ after, limit })}`,
    ),
  addMembers: (id: number, users: UserId[]) => request<{ users: UserId[] }>('POST', `/api/v1/groups/${id}/members`, { users }),
  changeMember: (id: number, user: UserId, change: { role?: Role; muted_until?: number }) =>
    request<Member>('PATCH', `/api/v1/groups/${id}/members/${user}`, change),
  removeMember: (id: number, user: UserId) => request<undefined>('DELETE', `/api/v1/groups/${id}/members/${user}`),
  joinRequests: (id: number, after?: string) =>
    request<{ requests: JoinRequest[]; next: string | null }>('GET', `/api/v1/groups/${id}/requests${query({ after })}`),
  answerJoin: (id: number, asked: number, accept: boolean) =>
    request<undefined>('POST', `/api/v1/groups/${id}/requests/${asked}`, { accept }),
  invites: (id: number) => request<{ invites: Invite[] }>('GET', `/api/v1/groups/${id}/invites`),
  invite: (id: number, limits: { expires_in_seconds?: number; uses?: number }) =>
    request<NewInvite>('POST', `/api/v1/groups/${id}/invites`, limits),
  withdrawInvite: (id: number, invite: string) =>
    request<undefined>('DELETE', `/api/v1/groups/${id}/invites/${invite}`),
  invitation: (code: string) =>
    request<{ group: Group; creator: UserId; expires_at: number }>('GET', `/api/v1/invites/${encodeURIComponent(code)}`),
  takeInvitation: (code: string) =>
    request<Group & { state: 'joined' | 'requested' }>('POST', `/api/v1/invites/${encodeURIComponent(code)}`),

  conversations: () => request<{ conversations: Conversation[]; head: Seq }>('GET', '/api/v1/conversations'),
  setConversation: (conv: Conv, settings: ConversationSettings) =>
    request<ConversationSettings>('PATCH', `/api/v1/conversations/${conv}`, settings),
  entries: (conv: Conv, where: Where = {}, limit = 50) =>
    request<EntryPage>('GET', `/api/v1/conversations/${conv}/entries${query({ ...where, limit })}`),
  hideEntry: (seq: Seq) => request<undefined>('PUT', `/api/v1/entries/${seq}/hidden`),
  recall: (seq: Seq) => request<undefined>('DELETE', `/api/v1/entries/${seq}`),
  edit: (seq: Seq, content: string) => request<Entry>('PATCH', `/api/v1/entries/${seq}`, { content }),
  react: (seq: Seq, emoji: string, on: boolean) =>
    request<undefined>(on ? 'PUT' : 'DELETE', `/api/v1/entries/${seq}/reactions/${encodeURIComponent(emoji)}`),
  readers: (seq: Seq) => request<{ readers: User[]; total: number }>('GET', `/api/v1/entries/${seq}/readers`),
  search: (q: string, where: { has?: Has; conv?: Conv; before?: string | number; limit?: number } = {}) =>
    request<{ entries: FoundEntry[]; next?: string | number | null }>('GET', `/api/v1/search${query({ q: q || undefined, ...where })}`),

  createPacket: (
    conv: Conv,
    packet: { cid: string; kind: Packet['kind']; total: number; count?: number; split?: Packet['split']; memo?: string },
  ) => request<{ seq: Seq; at: number; duplicate: boolean }>('POST', `/api/v1/conversations/${conv}/packets`, packet),
  packet: (seq: Seq) => request<Packet>('GET', `/api/v1/packets/${seq}`),
  claim: (seq: Seq) => request<{ amount: number }>('POST', `/api/v1/packets/${seq}/claim`),

  cluster: () => request<ClusterReport>('GET', '/api/v1/cluster'),

  adminUsers: (q: string, after?: string) =>
    request<{ users: AdminUser[]; next: string | null }>('GET', `/api/v1/admin/users${query({ q: q || undefined, after })}`),
  adminChange: (id: UserId, change: { disabled?: boolean; admin?: boolean }) =>
    request<AdminUser>('PATCH', `/api/v1/admin/users/${id}`, change),
  adminPassword: (id: UserId, password: string) =>
    request<undefined>('POST', `/api/v1/admin/users/${id}/password`, { password }),
  adminEndSessions: (id: UserId) => request<undefined>('DELETE', `/api/v1/admin/users/${id}/sessions`),
  adminNotice: (content: string) => request<{ seq: Seq; at: number }>('POST', '/api/v1/admin/notice', { content }),
  adminInvites: (before?: string) =>
    request<{ invites: Registration[]; next: string | null }>('GET', `/api/v1/admin/invites${query({ before })}`),
  adminInvite: (wish: { uses?: number; expires_in_seconds?: number }) =>
    request<NewRegistration>('POST', '/api/v1/admin/invites', wish),
  adminWithdraw: (id: number) => request<undefined>('DELETE', `/api/v1/admin/invites/${id}`),
  /** Prometheus text of the node that answers. */
  adminMetrics: () => requestText('/api/v1/admin/metrics'),
  adminAudit: (before?: string) =>
    request<{ audit: AuditTrace[]; next: string | null }>('GET', `/api/v1/admin/audit${query({ before })}`),
}
