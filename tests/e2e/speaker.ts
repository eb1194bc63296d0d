// Somebody who talks over a socket of his own and does not listen: he costs the machine little and the browser nothing,
// so that what is measured on a page is the page's.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'

export interface Speaker {
  say(frame: object): void
  leave(): void
}

export async function speaker(base: string, token: string): Promise<Speaker> {
  const { host, hostname, port, origin } = new URL(base)
  const socket = connect(Number(port), hostname)
  const heard = async () => String(((await once(socket, 'data')) as [Buffer])[0])
  const key = randomBytes(16).toString('base64')
  socket.write(`GET /ws HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`)
  const answer = await heard()
  if (!answer.startsWith('HTTP/1.1 101 ')) throw new Error(answer)
  const say = (frame: object) => void socket.write(textFrame(JSON.stringify(frame)))
  say({ type: 'auth', token })
  const hello = await heard()
  if (!hello.includes('"hello"')) throw new Error(hello)
  socket.resume()
  return { say, leave: () => socket.destroy() }
}

/** A whole text message of a client, masked as RFC 6455 wants it. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  if (payload.length > 0xffff) throw new Error('too long for one frame')
  const mask = randomBytes(4)
  payload.forEach((byte, n) => (payload[n] = byte ^ (mask[n % 4] ?? 0)))
  const short = payload.length < 126
  const head = Buffer.from(short ? [0x81, 0x80 | payload.length] : [0x81, 0xfe, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([head, mask, payload])
}
