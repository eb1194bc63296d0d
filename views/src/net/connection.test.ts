import { describe, expect, test } from 'vitest'
import { CLOSE_REPLACED, CLOSE_UNAUTHORIZED, idle, PING_MS, PONG_MS_MAX, step } from './connection'
import type { Command, Connection, ConnectionEvent } from './connection'
import type { ServerFrame } from './frames'

/** Drives the reducer with a clock that stands still unless told. */
class World {
  state: Connection = idle
  commands: Command[] = []
  now = 1_000

  feed(event: ConnectionEvent, chance = 0.5): Command[] {
    const [next, commands] = step(this.state, event, { now: this.now, chance })
    this.state = next
    this.commands = commands
    return commands
  }

  frame(frame: ServerFrame): Command[] {
    return this.feed({ type: 'frame', socket: this.state.socket, frame })
  }

  close(code: number, chance = 0.5): Command[] {
    return this.feed({ type: 'closed', socket: this.state.socket, code }, chance)
  }

  /** Connects and is greeted. */
  live(position: number | null = null, epoch: string | null = null): this {
    this.feed({ type: 'start', position, epoch })
    this.feed({ type: 'opened', socket: this.state.socket })
    this.frame(hello())
    return this
  }

  timer(name: string): number | undefined {
    return this.commands.flatMap((one) => (one.type === 'timer' && one.name === name ? [one.ms] : []))[0]
  }
}

function hello(head = 40, epoch = 'e1'): ServerFrame {
  return { type: 'hello', user: 7, node: { id: 'n2', name: 'node-2' }, head, epoch, server_time: 0 }
}

function entry(seq: number): ServerFrame {
  return { type: 'entry', seq, conv: 'u:3', from: 3, at: seq, kind: 'message', media: 1, content: 'hi' }
}

const transmitted = (commands: Command[]) => commands.flatMap((one) => (one.type === 'transmit' ? [one.frame] : []))

describe('opening', () => {
  test('without a position the first frame asks for nothing missed, and hello gives the position', () => {
    const world = new World()
    world.feed({ type: 'start', position: null, epoch: null })
    expect(transmitted(world.feed({ type: 'opened', socket: 1 }))).toEqual([{ type: 'auth' }])
    expect(world.frame(hello(40))).toContainEqual({ type: 'greeted', user: 7, fromNow: true, head: 40 })
    expect(world.state).toMatchObject({ phase: 'live', position: 40, epoch: 'e1', node: { id: 'n2', name: 'node-2' } })
  })

  test('with a position it asks from there, and hello does not move it', () => {
    const world = new World()
    world.feed({ type: 'start', position: 12, epoch: 'e1' })
    expect(transmitted(world.feed({ type: 'opened', socket: 1 }))).toEqual([{ type: 'auth', after: 12, epoch: 'e1' }])
    expect(world.frame(hello(40))).toContainEqual({ type: 'greeted', user: 7, fromNow: false, head: 40 })
    expect(world.state.position).toBe(12)
  })

  test('a socket that is not greeted in time is given up', () => {
    const world = new World()
    world.feed({ type: 'start', position: null, epoch: null })
    world.feed({ type: 'timer', name: 'hello' })
    expect(world.state.phase).toBe('waiting')
  })

  test('what an older socket still says is ignored', () => {
    const world = new World().live()
    const before = world.state
    expect(world.feed({ type: 'closed', socket: before.socket - 1, code: 1006 })).toEqual([])
    expect(world.feed({ type: 'frame', socket: before.socket - 1, frame: entry(99) })).toEqual([])
    expect(world.state).toBe(before)
  })
})

describe('position', () => {
  test('is the highest of entry, sync and pong, and an ack never moves it', () => {
    const world = new World().live(10, 'e1')
    world.frame({ type: 'sync', entries: [], after: 20, more: true })
    expect(world.state).toMatchObject({ position: 20, catchingUp: true })
    world.frame(entry(25))
    world.frame({ type: 'ack', cid: 'c', seq: 90, conv: 'u:3', at: 1 })
    expect(world.state.position).toBe(25)
    world.frame({ type: 'pong', n: world.state.pingCount, after: 30 })
    world.frame({ type: 'pong', n: 0, after: 3 })
    expect(world.state.position).toBe(30)
  })

  test('goes back on reset, and everything is loaded anew', () => {
    const world = new World().live(900, 'e0')
    expect(world.frame({ type: 'reset', head: 5 })).toContainEqual({ type: 'reload' })
    expect(world.state).toMatchObject({ position: 5, epoch: 'e1' })
  })

  test('a reconnect asks from the last position of the same epoch', () => {
    const world = new World().live()
    world.frame(entry(41))
    world.close(1012)
    world.feed({ type: 'timer', name: 'retry' })
    expect(transmitted(world.feed({ type: 'opened', socket: world.state.socket }))).toEqual([
      { type: 'auth', after: 41, epoch: 'e1' },
    ])
  })
})

describe('closing', () => {
  test.each([1000, 1006, 1009, 1012, 4008])('code %i leads to another try after a wait', (code) => {
    const world = new World().live()
    world.close(code)
    expect(world.state.phase).toBe('waiting')
    expect(world.timer('retry')).toBe((world.state.retryAt ?? 0) - world.now)
  })

  test('a revoked session ends for good', () => {
    const world = new World().live()
    expect(world.close(CLOSE_UNAUTHORIZED)).toContainEqual({ type: 'loggedOut' })
    expect(world.feed({ type: 'timer', name: 'retry' })).toEqual([])
    expect(world.state.phase).toBe('idle')
  })

  test('a replaced connection comes back only when asked', () => {
    const world = new World().live()
    world.close(CLOSE_REPLACED)
    expect(world.timer('retry')).toBeUndefined()
    world.feed({ type: 'wake' })
    expect(world.state.phase).toBe('replaced')
    world.feed({ type: 'retry' })
    expect(world.state.phase).toBe('connecting')
  })

  test('waits grow, differ by chance, and start again once a link has answered', () => {
    const world = new World().live()
    const waits: number[] = []
    for (let n = 0; n < 4; n++) {
      world.close(1006, 0.5)
      waits.push(world.timer('retry') ?? 0)
      world.feed({ type: 'timer', name: 'retry' })
    }
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(new Set(waits).size).toBe(4)
    world.frame(hello())
    expect(world.state.attempt).toBe(4)
    world.frame({ type: 'pong', n: world.state.pingCount })
    expect(world.state.attempt).toBe(0)
  })

  test('a leaving node names the wait, and chance spreads it', () => {
    const world = new World().live()
    world.frame({ type: 'bye', reason: 'drain', reconnect_after_ms: 400 })
    world.close(1012, 0)
    expect(world.timer('retry')).toBe(400)
  })

  test('retry and wake do not wait', () => {
    for (const type of ['retry', 'wake'] as const) {
      const world = new World().live()
      world.close(1006)
      expect(world.feed({ type })).toContainEqual({ type: 'open', socket: 2 })
    }
  })
})

describe('liveness', () => {
  test('pings when greeted and then regularly, and the answer gives the round trip', () => {
    const world = new World().live()
    expect(world.timer('ping')).toBe(PING_MS)
    world.now += 8
    world.frame({ type: 'pong', n: world.state.pingCount })
    expect(world.state.rtt).toBe(8)
    expect(transmitted(world.feed({ type: 'timer', name: 'ping' }))).toEqual([{ type: 'ping', n: 2 }])
    expect(world.timer('pong')).toBe(PONG_MS_MAX)
  })

  test('a silent link is given up though its socket is still open', () => {
    const world = new World().live()
    expect(world.feed({ type: 'timer', name: 'pong' })).toContainEqual({ type: 'close', socket: 1 })
    expect(world.state.phase).toBe('waiting')
  })

  test('any frame while a pong is awaited extends the deadline', () => {
    const world = new World().live()
    world.frame(entry(41))
    expect(world.timer('pong')).toBe(PONG_MS_MAX)
  })

  test('a woken tab checks its link at once', () => {
    expect(transmitted(new World().live().feed({ type: 'wake' }))).toEqual([{ type: 'ping', n: 2 }])
  })
})

test('stopping closes the socket and every timer', () => {
  const world = new World().live()
  const commands = world.feed({ type: 'stop' })
  expect(commands).toContainEqual({ type: 'close', socket: 1 })
  expect(commands.filter((one) => one.type === 'cancel')).toHaveLength(4)
  expect(world.state.phase).toBe('idle')
})

test('a refusal without a cid is nobody’s', () => {
  const world = new World().live()
  expect(world.frame({ type: 'error', code: 'bad_request', message: '' }).filter((one) => one.type === 'refused')).toEqual([])
  expect(world.frame({ type: 'error', cid: 'c', code: 'unavailable', message: 'x', retry_after_ms: 50 })).toContainEqual({
    type: 'refused',
    cid: 'c',
    code: 'unavailable',
    message: 'x',
    retryAfter: 50,
  })
})

describe('a node with 200 clients restarts', () => {
  /** Numbers as even as a client's dice, and the same in each run. */
  function dice(seed: number): number {
    let n = seed + 0x6d2b79f5
    n = Math.imul(n ^ (n >>> 15), n | 1)
    n ^= n + Math.imul(n ^ (n >>> 7), n | 61)
    return ((n ^ (n >>> 14)) >>> 0) / 2 ** 32
  }

  const waits = (bye: boolean) =>
    Array.from({ length: 200 }, (_, seed) => {
      const world = new World().live()
      if (bye) world.frame({ type: 'bye', reason: 'drain', reconnect_after_ms: 500 })
      world.close(1012, dice(seed))
      return world.timer('retry') ?? NaN
    })

  test.each([false, true])('they come back over two seconds and more, never many at once M5 (asked to wait: %s)', (bye) => {
    const all = waits(bye)
    expect(Math.max(...all) - Math.min(...all)).toBeGreaterThanOrEqual(2_000)
    const slots = new Map<number, number>()
    for (const wait of all) slots.set(Math.floor(wait / 250), (slots.get(Math.floor(wait / 250)) ?? 0) + 1)
    expect(Math.max(...slots.values())).toBeLessThan(50)
  })
})
