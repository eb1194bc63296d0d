// Every request of the v1 interface this client makes, by name.

import { request } from './http'
import type {
  ClusterReport,
  Conv,
  Conversation,
  Entry,
  Friends,
  Group,
  LoginSession,
  Me,
  Member,
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

function query(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`
}

export const api = {
  register: (name: string, password: string, nickname: string) =>
    request<Identity>('POST', '/api/v1/register', { name, password, nickname: nickname || undefined, device: device() }),
  login: (name: string, password: string) =>
    request<Identity>('POST', '/api/v1/login', { name, password, device: device() }),
  logout: () => request<undefined>('POST', '/api/v1/logout'),
  me: () => request<Me>('GET', '/api/v1/me'),
  sessions: () => request<{ sessions: LoginSession[] }>('GET', '/api/v1/me/sessions'),
  revoke: (id: number | string) => request<undefined>('DELETE', `/api/v1/me/sessions/${id}`),

  searchUsers: (q: string) => request<{ users: User[] }>('GET', `/api/v1/users${query({ q, limit: 20 })}`),
  user: (id: UserId) => request<User>('GET', `/api/v1/users/${id}`),

  friends: () => request<Friends>('GET', '/api/v1/friends'),
  befriend: (id: UserId, message: string) =>
    request<{ state: 'friends' | 'requested' }>('POST', '/api/v1/friends', { id, message: message || undefined }),
  answer: (id: number, accept: boolean) => request<undefined>('POST', `/api/v1/friends/requests/${id}`, { accept }),
  unfriend: (id: UserId) => request<undefined>('DELETE', `/api/v1/friends/${id}`),

  groups: () => request<{ groups: Group[] }>('GET', '/api/v1/groups'),
  searchGroups: (q: string) => request<{ groups: Group[] }>('GET', `/api/v1/groups${query({ q })}`),
  group: (id: number) => request<Group>('GET', `/api/v1/groups/${id}`),
  createGroup: (name: string, memo: string, members: UserId[]) =>
    request<Group>('POST', '/api/v1/groups', { name, memo: memo || undefined, members }),
  joinGroup: (id: number) => request<unknown>('POST', `/api/v1/groups/${id}/join`, {}),
  leaveGroup: (id: number) => request<unknown>('POST', `/api/v1/groups/${id}/leave`, {}),
  members: (id: number, after?: string | number) =>
    request<{ members: Member[]; next?: string | number | null }>(
      'GET',
      `/api/v1/groups/${id}/members${query({ after, limit: 200 })}`,
    ),

  conversations: () => request<{ conversations: Conversation[]; head: Seq }>('GET', '/api/v1/conversations'),
  entries: (conv: Conv, before?: Seq, limit = 50) =>
    request<{ entries: Entry[]; more_before: boolean; more_after: boolean }>(
      'GET',
      `/api/v1/conversations/${conv}/entries${query({ before, limit })}`,
    ),

  cluster: () => request<ClusterReport>('GET', '/api/v1/cluster'),
}
