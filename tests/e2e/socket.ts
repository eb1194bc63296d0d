// A WebSocket for clients that run in Node, which has none of its own in every version the tests run with: RFC 6455 as
// far as text frames go, with the interface that the page's code uses.

import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { ClientRequest } from 'node:http'
import type { Duplex } from 'node:stream'

const TEXT = 1
const CLOSE = 8
const PING = 9
const PONG = 10
const NO_STATUS = 1005
const ABNORMAL = 1006

export class NodeSocket {
  static readonly OPEN = 1
  readyState = 0
  onopen: (() => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  private stream: Duplex | null = null
  private unread = Buffer.alloc(0)
  private readonly asked: ClientRequest

  constructor(url: string, headers: Record<string, string>) {
    this.asked = request(url.replace(/^ws/, 'http'), {
      headers: { ...headers, Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64') },
    })
    this.asked.on('upgrade', (_answer, stream, head) => this.opened(stream, head))
    this.asked.on('response', (answer) => (answer.resume(), this.ended(ABNORMAL)))
    this.asked.on('error', () => this.ended(ABNORMAL))
    this.asked.end()
  }

  send(text: string): void {
    this.write(TEXT, Buffer.from(text))
  }

  close(code: number): void {
    if (this.readyState >= 2) return
    this.readyState = 2
    if (!this.stream) return void this.asked.destroy()
    this.write(CLOSE, Buffer.from([code >> 8, code & 255]))
    this.stream.end()
  }

  private opened(stream: Duplex, head: Buffer): void {
    if (this.readyState !== 0) return void stream.destroy()
    this.stream = stream
    this.readyState = NodeSocket.OPEN
    stream.on('data', (bytes: Buffer) => this.read(bytes))
    stream.on('error', () => stream.destroy())
    stream.on('close', () => this.ended(ABNORMAL))
    this.onopen?.()
    if (head.length > 0) this.read(head)
  }

  private ended(code: number): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.stream?.destroy()
    this.onclose?.({ code })
  }

  private write(opcode: number, body: Buffer): void {
    if (!this.stream || body.length > 0xffff) return
    const mask = randomBytes(4)
    const length = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 255]
    const head = Buffer.from([0x80 | opcode, 0x80 | (length[0] ?? 0), ...length.slice(1)])
    this.stream.write(Buffer.concat([head, mask, body.map((byte, n) => byte ^ (mask[n & 3] ?? 0))]))
  }

  /** A server masks nothing and, as ours does, sends each message in one frame. */
  private read(bytes: Buffer): void {
    this.unread = Buffer.concat([this.unread, bytes])
    for (;;) {
      if (this.unread.length < 2) return
      const short = (this.unread[1] ?? 0) & 127
      const start = short < 126 ? 2 : short === 126 ? 4 : 10
      if (this.unread.length < start) return
      const length = short < 126 ? short : short === 126 ? this.unread.readUInt16BE(2) : Number(this.unread.readBigUInt64BE(2))
      if (this.unread.length < start + length) return
      const opcode = (this.unread[0] ?? 0) & 15
      const body = this.unread.subarray(start, start + length)
      this.unread = this.unread.subarray(start + length)
      this.take(opcode, body)
    }
  }

  private take(opcode: number, body: Buffer): void {
    if (opcode === TEXT) this.onmessage?.({ data: body.toString() })
    else if (opcode === PING) this.write(PONG, body)
    else if (opcode === CLOSE) this.ended(body.length >= 2 ? body.readUInt16BE(0) : NO_STATUS)
  }
}
