// Somebody who talks over a socket of his own and does not listen: he costs the browser nothing, so that what is
// measured on a page is the page's.

import { NodeSocket } from './socket'

export interface Speaker {
  say(frame: object): void
  leave(): void
}

export function speaker(base: string, token: string): Promise<Speaker> {
  const socket = new NodeSocket(`${base.replace(/^http/, 'ws')}/ws`, { Origin: base })
  const say = (frame: object) => socket.send(JSON.stringify(frame))
  return new Promise((resolve, reject) => {
    socket.onopen = () => say({ type: 'auth', token })
    socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`))
    socket.onmessage = ({ data }) => {
      const { type } = JSON.parse(data) as { type: string }
      if (type !== 'hello') return reject(new Error(data))
      socket.onmessage = null
      resolve({ say, leave: () => socket.close(1000) })
    }
  })
}
