// The shapes of the v1 interface, as this client uses them.

export type Seq = number
export type UserId = number
/** A conversation as the reader names it: `u:<user>` or `g:<group>`. */
export type Conv = string

export interface User {
  id: UserId
  name: string
  nickname: string
  avatar: string
  sex: string
  memo: string
  online: boolean
  last_seen_at?: number | null
}

export interface Me extends User {
  admin?: boolean
}

export type EntryKind = 'message' | 'recall' | 'edit' | 'reaction' | 'joined' | 'left' | 'group' | 'friend' | 'notice'

export interface Entry {
  seq: Seq
  conv: Conv
  from: UserId
  at: number
  /** A name of `EntryKind`, or one of a newer server, which is then not shown. */
  kind: string
  media?: number | null
  content?: string | null
  memo?: string | null
  amount?: number | null
  target?: Seq | null
  users?: UserId[] | null
  by?: UserId | null
  created?: boolean | null
  dissolved?: boolean | null
  name?: string | null
  state?: string | null
  message?: string | null
  edited_at?: number | null
  recalled?: boolean | null
  cid?: string | null
}

export interface Group {
  id: number
  name: string
  icon: string
  category: number
  memo: string
  owner: UserId
  join: string
  members: number
  role?: string | null
}

export interface Member {
  user: User
  role: string
  online: boolean
}

export interface Conversation {
  conv: Conv
  kind: string
  title: string
  icon: string
  peer?: User
  group?: Group
  last: Entry | null
  unread: number
  read_seq: Seq
  peer_read_seq?: Seq
  muted: boolean
  pinned: boolean
}

export interface FriendRequest {
  id: number
  user: User
  message: string
  at: number
}

export interface Friend {
  user: User
  remark: string
  since: number
}

export interface Friends {
  friends: Friend[]
  incoming: FriendRequest[]
  outgoing: FriendRequest[]
}

export interface LoginSession {
  id: number | string
  device: string
  address: string
  created_at: number
  last_seen_at: number
  current: boolean
}

export interface ClusterNode {
  id: number | string
  name: string
  addresses?: string[]
  state: string
  version?: string
  head?: number
  connections?: number
  users?: number
  heard_ms_ago?: number | null
}

export interface ClusterReport {
  self: number | string
  degraded: boolean
  reasons: string[]
  nodes: ClusterNode[]
  bus: Record<string, unknown>
  /** Counters of the asked node; older servers do not send them. */
  node?: Record<string, unknown>
  store: Record<string, unknown>
}
