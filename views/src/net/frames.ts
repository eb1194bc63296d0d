// What the server may say on the socket. Frames are checked here once; nothing behind this file sees raw JSON.
// Unknown fields pass, an unknown type is dropped: an older page must survive a newer server.

import * as v from 'valibot'
import type { Draft } from './types'

const id = v.pipe(v.number(), v.integer())
/** Some frames name a user by id, some carry the whole profile; both serve. */
const userRef = v.union([id, v.pipe(v.looseObject({ id }), v.transform((user) => user.id))])
const epoch = v.union([v.string(), v.number()])

export const entry = v.looseObject({
  seq: id,
  conv: v.string(),
  from: id,
  at: v.number(),
  kind: v.string(),
  media: v.nullish(v.number()),
  content: v.nullish(v.string()),
  url: v.nullish(v.string()),
  pic: v.nullish(v.string()),
  memo: v.nullish(v.string()),
  amount: v.nullish(v.number()),
  meta: v.nullish(v.record(v.string(), v.unknown())),
  reply_to: v.nullish(id),
  mentions: v.nullish(v.array(id)),
  target: v.nullish(id),
  users: v.nullish(v.array(id)),
  by: v.nullish(id),
  created: v.nullish(v.boolean()),
  dissolved: v.nullish(v.boolean()),
  name: v.nullish(v.string()),
  state: v.nullish(v.string()),
  message: v.nullish(v.string()),
  edited_at: v.nullish(v.number()),
  recalled: v.nullish(v.boolean()),
  reactions: v.nullish(v.array(v.object({ emoji: v.string(), count: id, users: v.array(id) }))),
  emoji: v.nullish(v.string()),
  on: v.nullish(v.boolean()),
  icon: v.nullish(v.string()),
  category: v.nullish(v.number()),
  join: v.nullish(v.string()),
  owner: v.nullish(id),
  invited_by: v.nullish(id),
  role: v.nullish(v.object({ user: id, role: v.picklist(['member', 'admin', 'owner']) })),
  muted: v.nullish(v.object({ user: id, until: v.number() })),
  packet: v.nullish(v.string()),
  cid: v.nullish(v.string()),
})

const frame = v.variant('type', [
  v.looseObject({
    type: v.literal('hello'),
    user: userRef,
    node: v.object({ id: v.union([v.string(), v.number()]), name: v.string() }),
    head: id,
    epoch,
    server_time: v.number(),
    ping_ms: v.optional(v.number()),
    limits: v.optional(v.looseObject({ recall_seconds: v.optional(v.number()), file_bytes: v.optional(v.number()) })),
  }),
  v.looseObject({ type: v.literal('sync'), entries: v.array(entry), after: id, more: v.boolean() }),
  v.looseObject({ ...entry.entries, type: v.literal('entry') }),
  v.looseObject({ type: v.literal('reset'), head: id }),
  v.looseObject({ type: v.literal('ack'), cid: v.string(), seq: id, conv: v.string(), at: v.number() }),
  v.looseObject({
    type: v.literal('error'),
    cid: v.nullish(v.string()),
    code: v.string(),
    message: v.string(),
    retry_after_ms: v.nullish(v.number()),
  }),
  v.looseObject({
    type: v.literal('conversation'),
    conv: v.string(),
    muted: v.nullish(v.boolean()),
    pinned: v.nullish(v.boolean()),
    hidden: v.nullish(v.boolean()),
    draft: v.nullish(v.string()),
    marked_unread: v.nullish(v.boolean()),
    hidden_entry: v.nullish(id),
    requests: v.nullish(id),
    // Null says that I was declined.
    requested_at: v.nullish(v.number()),
    remark: v.nullish(v.string()),
    blocked: v.nullish(v.boolean()),
  }),
  v.looseObject({ type: v.literal('read'), conv: v.string(), user: userRef, seq: id }),
  v.looseObject({ type: v.literal('typing'), conv: v.string(), user: userRef }),
  v.looseObject({ type: v.literal('presence'), user: userRef, online: v.boolean() }),
  v.looseObject({ type: v.literal('profile'), user: userRef }),
  v.looseObject({ type: v.literal('pong'), n: v.number(), after: v.nullish(id) }),
  v.looseObject({ type: v.literal('bye'), reason: v.string(), reconnect_after_ms: v.nullish(v.number()) }),
])

export type ServerFrame = v.InferOutput<typeof frame>
export type SignalFrame = Extract<ServerFrame, { type: 'conversation' | 'read' | 'typing' | 'presence' | 'profile' }>

export type ClientFrame =
  | { type: 'auth'; after?: number; epoch?: string | number; device?: string }
  | ({ type: 'send'; cid: string; to: string } & Draft)
  | { type: 'recall'; seq: number; cid?: string }
  | { type: 'edit'; seq: number; content: string; cid?: string }
  | { type: 'react'; seq: number; emoji: string; on: boolean; cid?: string }
  | { type: 'read'; conv: string; seq: number }
  | { type: 'typing'; conv: string }
  | { type: 'ping'; n: number }

/** The frame in `text`, or null when it is not one this client knows. */
export function parseFrame(text: string): ServerFrame | null {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return null
  }
  const result = v.safeParse(frame, json)
  return result.success ? result.output : null
}
