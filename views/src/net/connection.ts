// The connection's rules as a pure function: an event goes in, the next state and commands come out.
// It knows no Vue, no timer, no WebSocket and no clock; `socket.ts` carries its commands out.

import { backoff, WAIT_MS_MAX } from './backoff'
import type { ClientFrame, ServerFrame, SignalFrame } from './frames'
import type { Entry } from './types'

/** A socket that has not been greeted by then is given up. */
export const HELLO_MS_MAX = 10_000
export const PING_MS = 15_000
/** `readyState` is no proof of life: a link without a sign for this long after a ping is dead. */
export const PONG_MS_MAX = 5_000
const PING_MS_MIN = 1_000
/** For servers that do not say in `hello` how long a message can be recalled. */
const RECALL_MS = 120_000
/** A server's limit unless it names another. */
const FILE_BYTES_MAX = 25 * 1024 * 1024
/** Clients of a leaving node come back spread over this, beside the wait the node asks for. */
const BYE_SPREAD_MS = 2_400

export const CLOSE_REPLACED = 4001
export const CLOSE_UNAUTHORIZED = 4003
export const CLOSE_ABUSE = 4009

export type Epoch = string | number
export type Phase = 'idle' | 'connecting' | 'live' | 'waiting' | 'replaced'
export type TimerName = 'retry' | 'hello' | 'ping' | 'pong'

export interface Connection {
  readonly phase: Phase
  /** Number of the current socket; what older sockets still say is ignored. */
  readonly socket: number
  readonly attempt: number
  readonly retryAt: number | null
  /** Everything up to here was received; `null`: begin from now. */
  readonly position: number | null
  readonly epoch: Epoch | null
  readonly node: { id: string; name: string } | null
  readonly catchingUp: boolean
  readonly pingEvery: number
  /** The largest file the server takes. */
  readonly fileBytesMax: number
  readonly pingCount: number
  readonly pingSentAt: number | null
  readonly rtt: number | null
  /** What the server's clock shows beyond ours; `null` until it greeted. */
  readonly ahead: number | null
  /** How long one's own messages can be recalled, by the server's clock. */
  readonly recallMs: number
  readonly bye: { reason: string; after: number } | null
}

export type ConnectionEvent =
  | { type: 'start'; position: number | null; epoch: Epoch | null }
  | { type: 'stop' }
  | { type: 'retry' }
  /** The browser found a network, or the tab woke up: check at once instead of waiting for a timer. */
  | { type: 'wake' }
  | { type: 'opened'; socket: number }
  | { type: 'frame'; socket: number; frame: ServerFrame }
  | { type: 'closed'; socket: number; code: number }
  | { type: 'timer'; name: TimerName }

export type Command =
  | { type: 'open'; socket: number }
  | { type: 'close'; socket: number }
  | { type: 'transmit'; frame: ClientFrame }
  | { type: 'timer'; name: TimerName; ms: number }
  | { type: 'cancel'; name: TimerName }
  /** `fromNow`: there was no position to go on from; what was read before may lack entries up to `head`. */
  | { type: 'greeted'; user: number; fromNow: boolean; head: number }
  | { type: 'entries'; entries: Entry[] }
  /** The log we followed is gone or too far ahead: load everything anew. */
  | { type: 'reload' }
  | { type: 'acked'; cid: string; seq: number; conv: string; at: number }
  | { type: 'refused'; cid: string; code: string; message: string; retryAfter: number | null }
  | { type: 'signal'; frame: SignalFrame }
  | { type: 'loggedOut' }

/** What the outside world was like at the moment of the event. */
export interface Moment {
  now: number
  /** In [0, 1). */
  chance: number
}

export type Step = readonly [Connection, Command[]]

export const idle: Connection = {
  phase: 'idle',
  socket: 0,
  attempt: 0,
  retryAt: null,
  position: null,
  epoch: null,
  node: null,
  catchingUp: false,
  pingEvery: PING_MS,
  fileBytesMax: FILE_BYTES_MAX,
  pingCount: 0,
  pingSentAt: null,
  rtt: null,
  ahead: null,
  recallMs: RECALL_MS,
  bye: null,
}

export function step(state: Connection, event: ConnectionEvent, moment: Moment): Step {
  switch (event.type) {
    case 'start':
      return connect({ ...idle, socket: state.socket, position: event.position, epoch: event.epoch })
    case 'stop':
      return [{ ...idle, socket: state.socket }, hangUp(state)]
    case 'retry':
      return state.phase === 'waiting' || state.phase === 'replaced' ? connect(state) : [state, []]
    case 'wake':
      if (state.phase === 'waiting') return connect(state)
      return state.phase === 'live' ? ping(state, moment) : [state, []]
    case 'opened':
      return event.socket === state.socket ? [state, [authenticate(state)]] : [state, []]
    case 'closed':
      return event.socket === state.socket && state.phase !== 'idle' ? closed(state, event.code, moment) : [state, []]
    case 'frame':
      return event.socket === state.socket ? received(state, event.frame, moment) : [state, []]
    case 'timer':
      return expired(state, event.name, moment)
  }
}

function connect(state: Connection): Step {
  const socket = state.socket + 1
  return [
    { ...state, phase: 'connecting', socket, retryAt: null, bye: null, catchingUp: false },
    [
      { type: 'cancel', name: 'retry' },
      { type: 'open', socket },
      { type: 'timer', name: 'hello', ms: HELLO_MS_MAX },
    ],
  ]
}

function hangUp(state: Connection): Command[] {
  const names: TimerName[] = ['retry', 'hello', 'ping', 'pong']
  return [{ type: 'close', socket: state.socket }, ...names.map((name): Command => ({ type: 'cancel', name }))]
}

function authenticate(state: Connection): Command {
  if (state.position === null || state.epoch === null) return { type: 'transmit', frame: { type: 'auth' } }
  return { type: 'transmit', frame: { type: 'auth', after: state.position, epoch: state.epoch } }
}

function closed(state: Connection, code: number, moment: Moment): Step {
  const quiet: Connection = { ...state, node: null, pingSentAt: null, rtt: null, retryAt: null }
  const commands = hangUp(state)
  if (code === CLOSE_UNAUTHORIZED) {
    return [{ ...idle, socket: state.socket }, [...commands, { type: 'loggedOut' }]]
  }
  if (code === CLOSE_REPLACED) return [{ ...quiet, phase: 'replaced' }, commands]
  const wait = waitAfter(state, code, moment.chance)
  return [
    { ...quiet, phase: 'waiting', attempt: state.attempt + 1, retryAt: moment.now + wait },
    [...commands, { type: 'timer', name: 'retry', ms: wait }],
  ]
}

function waitAfter(state: Connection, code: number, chance: number): number {
  if (code === CLOSE_ABUSE) return WAIT_MS_MAX
  if (state.bye) return Math.round(state.bye.after + chance * BYE_SPREAD_MS)
  return backoff(state.attempt, chance)
}

function expired(state: Connection, name: TimerName, moment: Moment): Step {
  switch (name) {
    case 'retry':
      return state.phase === 'waiting' ? connect(state) : [state, []]
    case 'ping':
      return state.phase === 'live' ? ping(state, moment) : [state, []]
    case 'hello':
      return state.phase === 'connecting' ? closed(state, 1006, moment) : [state, []]
    case 'pong':
      return state.phase === 'live' ? closed(state, 1006, moment) : [state, []]
  }
}

function ping(state: Connection, moment: Moment): Step {
  const n = state.pingCount + 1
  return [
    { ...state, pingCount: n, pingSentAt: moment.now },
    [
      { type: 'transmit', frame: { type: 'ping', n } },
      { type: 'timer', name: 'ping', ms: state.pingEvery },
      { type: 'timer', name: 'pong', ms: PONG_MS_MAX },
    ],
  ]
}

function received(state: Connection, frame: ServerFrame, moment: Moment): Step {
  const [next, commands] = understood(state, frame, moment)
  // Any frame proves the link alive; a long sync must not be cut because its pong queues behind it.
  const awaited = next.pingSentAt !== null && frame.type !== 'hello'
  return awaited ? [next, [...commands, { type: 'timer', name: 'pong', ms: PONG_MS_MAX }]] : [next, commands]
}

function understood(state: Connection, frame: ServerFrame, moment: Moment): Step {
  switch (frame.type) {
    case 'hello':
      return greeted(state, frame, moment)
    case 'sync':
      return [
        { ...state, position: forward(state, frame.after), catchingUp: frame.more },
        frame.entries.length > 0 ? [{ type: 'entries', entries: frame.entries }] : [],
      ]
    case 'entry':
      return [{ ...state, position: forward(state, frame.seq) }, [{ type: 'entries', entries: [frame] }]]
    case 'reset':
      // Backwards is right here: this position belongs to another log or to its pruned part.
      return [{ ...state, position: frame.head, catchingUp: false }, [{ type: 'reload' }]]
    case 'ack':
      // Never the position: an ack may overtake entries with lower seqs that are still to come.
      return [state, [{ type: 'acked', cid: frame.cid, seq: frame.seq, conv: frame.conv, at: frame.at }]]
    case 'error':
      return [state, refused(frame)]
    case 'pong':
      return ponged(state, frame, moment)
    case 'bye':
      return [{ ...state, bye: { reason: frame.reason, after: frame.reconnect_after_ms ?? 0 } }, []]
    case 'conversation':
    case 'read':
    case 'typing':
    case 'presence':
    case 'profile':
      return [state, [{ type: 'signal', frame }]]
  }
}

function greeted(state: Connection, frame: Extract<ServerFrame, { type: 'hello' }>, moment: Moment): Step {
  const every = Math.max(PING_MS_MIN, Math.min(PING_MS, frame.ping_ms ?? PING_MS))
  const fromNow = state.position === null || state.epoch === null
  const live: Connection = {
    ...state,
    phase: 'live',
    retryAt: null,
    position: fromNow ? frame.head : state.position,
    epoch: frame.epoch,
    node: { id: String(frame.node.id), name: frame.node.name },
    pingEvery: every,
    ahead: frame.server_time - moment.now,
    recallMs: frame.limits?.recall_seconds == null ? RECALL_MS : frame.limits.recall_seconds * 1000,
    fileBytesMax: frame.limits?.file_bytes ?? FILE_BYTES_MAX,
  }
  const [pinging, commands] = ping(live, moment)
  const greeting: Command = { type: 'greeted', user: frame.user, fromNow, head: frame.head }
  return [pinging, [{ type: 'cancel', name: 'hello' }, greeting, ...commands]]
}

function ponged(state: Connection, frame: Extract<ServerFrame, { type: 'pong' }>, moment: Moment): Step {
  const position = typeof frame.after === 'number' ? forward(state, frame.after) : state.position
  if (frame.n !== state.pingCount || state.pingSentAt === null) return [{ ...state, position }, []]
  // Only a link that answered counts as restored: a node that greets and drops must not be hammered.
  return [
    { ...state, position, rtt: Math.max(0, moment.now - state.pingSentAt), pingSentAt: null, attempt: 0 },
    [{ type: 'cancel', name: 'pong' }],
  ]
}

function refused(frame: Extract<ServerFrame, { type: 'error' }>): Command[] {
  if (typeof frame.cid !== 'string') return []
  const { cid, code, message } = frame
  return [{ type: 'refused', cid, code, message, retryAfter: frame.retry_after_ms ?? null }]
}

function forward(state: Connection, seq: number): number {
  return state.position === null ? seq : Math.max(state.position, seq)
}
