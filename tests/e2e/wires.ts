// What can happen between a page and its node, done to the page's WebSocket. `setOffline` would not do: a socket that
// is open stays open under it.

import type { Page, WebSocketRoute } from '@playwright/test'

export type Wire = 'whole' | 'cut' | 'silent' | 'doubled' | 'shuffled'

/** How many frames are held back and mixed. A sync or ack must not wait for ever for enough of them. */
const SHUFFLE_FRAMES = 8
const SHUFFLE_MS_MAX = 200

export interface Wires {
  /** Sockets are closed, and new ones refused. */
  cut: () => Promise<void>
  /** Sockets stay open, and nothing passes any more, in either direction. New ones open and stay mute. */
  blackhole: () => void
  /** Every entry arrives twice. */
  double: () => void
  /** Entries arrive in another order, each twice. */
  shuffle: () => void
  /** All is well again for new sockets; frames that were swallowed stay lost. */
  restore: () => void
  /** When each socket was asked for, in milliseconds since the start of the process. */
  readonly attempts: readonly number[]
  /** How many sockets are open to the node now. */
  readonly open: number
  /** From now on frames take this long, in each direction, and keep their order. */
  delay: (ms: number) => void
}

/** Puts the page's socket into the test's hands. Before the page is opened: a socket that is there is not seen. */
export async function wires(page: Page): Promise<Wires> {
  let wire: Wire = 'whole'
  let lag = 0
  const attempts: number[] = []
  const alive = new Set<WebSocketRoute>()

  await page.routeWebSocket(/\/ws$/, (socket) => {
    attempts.push(performance.now())
    if (wire === 'cut') {
      void socket.close({ code: 4008, reason: 'cut' })
      return
    }
    alive.add(socket)
    const server = socket.connectToServer()
    socket.onClose(() => {
      alive.delete(socket)
      void server.close({ code: 1000 })
    })
    const swallowed = () => wire === 'silent' || wire === 'cut' || !alive.has(socket)
    const mixed = mixer((frame) => socket.send(frame))
    socket.onMessage((frame) => later(lag, () => swallowed() || server.send(frame)))
    server.onMessage((frame) =>
      later(lag, () => {
        if (swallowed()) return
        const entry = typeof frame === 'string' && frame.includes('"type":"entry"')
        if (wire === 'shuffled' && entry) mixed(frame)
        else socket.send(frame)
        if (wire === 'doubled' && entry) socket.send(frame)
      }),
    )
    server.onClose((code, reason) => {
      if (wire === 'silent') return
      alive.delete(socket)
      void socket.close({ code: code ?? 1000, reason: reason ?? '' })
    })
  })

  return {
    cut: async () => {
      wire = 'cut'
      const all = [...alive]
      alive.clear()
      await Promise.all(all.map((socket) => socket.close({ code: 4008, reason: 'cut' })))
    },
    blackhole: () => void (wire = 'silent'),
    double: () => void (wire = 'doubled'),
    shuffle: () => void (wire = 'shuffled'),
    restore: () => void (wire = 'whole'),
    delay: (ms) => void (lag = ms),
    attempts,
    get open() {
      return alive.size
    },
  }
}

function later(ms: number, act: () => void): void {
  if (ms === 0) act()
  else setTimeout(act, ms)
}

/** Passes frames on in an order of its own, each twice, once enough have gathered or none came for a while. */
function mixer(pass: (frame: string) => void): (frame: string) => void {
  let held: string[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  const flush = () => {
    clearTimeout(timer)
    const frames = [...held, ...held].sort(() => Math.random() - 0.5)
    held = []
    frames.forEach(pass)
  }
  return (frame) => {
    held.push(frame)
    clearTimeout(timer)
    if (held.length >= SHUFFLE_FRAMES) flush()
    else timer = setTimeout(flush, SHUFFLE_MS_MAX)
  }
}
