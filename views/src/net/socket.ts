// Carries out what `connection.ts` decides: owns the WebSocket, the timers, the clock and the dice. Decides nothing.

import { idle, step } from './connection'
import type { Command, Connection, ConnectionEvent, Epoch, TimerName } from './connection'
import { parseFrame } from './frames'
import type { ClientFrame } from './frames'

/** What a command means to the rest of the client. */
export type Output = Extract<
  Command,
  { type: 'greeted' | 'entries' | 'reload' | 'acked' | 'refused' | 'signal' | 'loggedOut' }
>

export interface LinkListener {
  changed: (state: Connection) => void
  output: (output: Output) => void
}

export class Link {
  private state: Connection = idle
  private socket: WebSocket | null = null
  private readonly timers = new Map<TimerName, ReturnType<typeof setTimeout>>()

  constructor(
    private readonly url: string,
    private readonly listener: LinkListener,
  ) {}

  start(position: number | null, epoch: Epoch | null): void {
    this.handle({ type: 'start', position, epoch })
  }

  stop(): void {
    this.handle({ type: 'stop' })
  }

  retry(): void {
    this.handle({ type: 'retry' })
  }

  wake(): void {
    this.handle({ type: 'wake' })
  }

  /** Whether the frame was handed to an open, greeted socket. */
  transmit(frame: ClientFrame): boolean {
    if (this.state.phase !== 'live') return false
    return this.write(frame)
  }

  private handle(event: ConnectionEvent): void {
    const [next, commands] = step(this.state, event, { now: performance.now(), chance: Math.random() })
    const changed = next !== this.state
    this.state = next
    // First the state: whoever hears "greeted" asks whether the link is live.
    if (changed) this.listener.changed(next)
    for (const command of commands) this.run(command)
  }

  private run(command: Command): void {
    switch (command.type) {
      case 'open':
        this.open(command.socket)
        break
      case 'close':
        this.drop()
        break
      case 'transmit':
        this.write(command.frame)
        break
      case 'timer':
        this.cancel(command.name)
        this.timers.set(command.name, setTimeout(() => this.handle({ type: 'timer', name: command.name }), command.ms))
        break
      case 'cancel':
        this.cancel(command.name)
        break
      default:
        this.listener.output(command)
    }
  }

  private open(number: number): void {
    this.drop()
    const socket = new WebSocket(this.url)
    this.socket = socket
    socket.onopen = () => this.handle({ type: 'opened', socket: number })
    socket.onclose = (event) => this.handle({ type: 'closed', socket: number, code: event.code })
    socket.onmessage = (event: MessageEvent<unknown>) => {
      const frame = typeof event.data === 'string' ? parseFrame(event.data) : null
      if (frame) this.handle({ type: 'frame', socket: number, frame })
    }
  }

  private drop(): void {
    const socket = this.socket
    this.socket = null
    if (!socket) return
    socket.onopen = socket.onclose = socket.onmessage = null
    socket.close(1000)
  }

  private write(frame: ClientFrame): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false
    this.socket.send(JSON.stringify(frame))
    return true
  }

  private cancel(name: TimerName): void {
    clearTimeout(this.timers.get(name))
    this.timers.delete(name)
  }
}

/** The socket of the page's own origin: whatever node or proxy served the page. */
export function socketUrl(): string {
  return `${location.origin.replace(/^http/, 'ws')}/ws`
}
