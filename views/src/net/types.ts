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
  created_at?: number
}

export interface Me extends User {
  admin?: boolean
  phone?: string | null
  email?: string | null
}

/** What a message carries beside its text; by kind of message, at most 2 KiB of JSON. */
export type Meta = Readonly<Record<string, unknown>>

/** A message as it is written: everything of it that is the same on each retry. */
export interface Draft {
  readonly media: number
  readonly content?: string
  readonly url?: string
  readonly pic?: string
  readonly memo?: string
  readonly amount?: number
  readonly meta?: Meta
  readonly reply_to?: Seq
  readonly mentions?: readonly UserId[]
}

export interface Reaction {
  emoji: string
  count: number
  /** At most 50 of them. */
  users: UserId[]
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
  url?: string | null
  pic?: string | null
  memo?: string | null
  amount?: number | null
  meta?: Meta | null
  reply_to?: Seq | null
  mentions?: readonly UserId[] | null
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
  reactions?: Reaction[] | null
  /** Of a reaction: the emoji, and whether it was put on or taken off. */
  emoji?: string | null
  on?: boolean | null
  /** Of a change to a group: what changed beside its name. */
  icon?: string | null
  category?: number | null
  join?: string | null
  owner?: UserId | null
  invited_by?: UserId | null
  role?: { user: UserId; role: Role } | null
  muted?: { user: UserId; until: number } | null
  /** Of a notice about a red packet: `claimed` or `refunded`. */
  packet?: string | null
  cid?: string | null
}

export type Role = 'member' | 'admin' | 'owner'
export type JoinMode = 'open' | 'approval' | 'invite'

export interface Group {
  id: number
  name: string
  icon: string
  category: number
  memo: string
  owner: UserId
  join: JoinMode
  members: number
  role?: Role | null
  created_at?: number
  /** Until when I am muted, and until when all but owner and admins are; times or null. */
  muted_until?: number | null
  all_muted_until?: number | null
  /** Since when I ask to be let in. */
  requested_at?: number | null
  /** How many ask to be let in; for owner and admins. */
  requests?: number | null
}

export interface Member {
  user: User
  role: Role
  online: boolean
  joined_at?: number
  muted_until?: number | null
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
  mentioned?: boolean
  marked_unread?: boolean
  draft?: string | null
}

/** What a user sets for himself in a conversation. */
export interface ConversationSettings {
  muted?: boolean
  pinned?: boolean
  hidden?: boolean
  draft?: string
  marked_unread?: boolean
}

export interface FileInfo {
  id: string
  url: string
  name: string
  mime: string
  size: number
  sha256: string
  width?: number | null
  height?: number | null
  seconds?: number | null
  thumb?: string | null
}

export interface FoundEntry extends Entry {
  /** Places in `content`: first and behind-the-last UTF-16 code unit of each hit. */
  highlights: [number, number][]
}

export interface Packet {
  seq: Seq
  from: UserId
  kind: 'packet' | 'transfer'
  split: 'equal' | 'lucky'
  total: number
  count: number
  state: 'open' | 'empty' | 'expired'
  expires_at: number
  claims: { user: UserId; amount: number; at: number }[]
}

export interface Invite {
  /** Names it, and lets nobody in. */
  id: string
  creator: UserId
  created_at: number
  expires_at: number
  used: number
  uses: number | null
}

/** Just made: code and address are told once. */
export interface NewInvite extends Invite {
  code: string
  url: string
}

export interface JoinRequest {
  id: number
  user: User
  message: string
  at: number
}

export interface AdminUser {
  id: UserId
  name: string
  nickname: string
  avatar: string
  phone: string | null
  email: string | null
  admin: boolean
  disabled: boolean
  created_at: number
  last_seen_at: number
}

/** An invitation to register. */
export interface Registration {
  id: number
  by: UserId
  uses: number
  used: number
  created_at: number
  expires_at: number
}

/** The only time its code is told. */
export interface NewRegistration {
  id: number
  code: string
  url: string
  uses: number
  expires_at: number
}

export interface AuditTrace {
  id: number
  at: number
  admin: UserId
  action: string
  target: UserId | null
  detail: string
  address: string
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
