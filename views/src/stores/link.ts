// The connection as the page sees it: state to show, and a way to transmit.

import { useTimestamp } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { idle } from '../net/connection'
import type { Connection, Epoch } from '../net/connection'
import type { ClientFrame } from '../net/frames'
import { Link, socketUrl } from '../net/socket'
import type { Output } from '../net/socket'

/** What ends at a moment, such as a mute, is seen to have ended this soon. */
const CLOCK_MS = 10_000

export const useLink = defineStore('link', () => {
  const state = shallowRef<Connection>(idle)
  let hear: (output: Output) => void = () => undefined
  const link = new Link(socketUrl(), {
    changed: (next) => (state.value = next),
    output: (output) => hear(output),
  })

  const live = computed(() => state.value.phase === 'live')
  /** Apart, because the state changes with every entry. */
  const ahead = computed(() => state.value.ahead)

  const clock = useTimestamp({ interval: CLOCK_MS })

  /** The time by the server's clock. Whoever shows what hangs on it is told again every while. */
  function serverNow(): number {
    void clock.value
    return ahead.value === null ? Date.now() : performance.now() + ahead.value
  }

  function start(position: number | null, epoch: Epoch | null, listener: (output: Output) => void): void {
    hear = listener
    link.start(position, epoch)
  }

  function stop(): void {
    link.stop()
    hear = () => undefined
  }

  return {
    state,
    live,
    serverNow,
    start,
    stop,
    retry: () => link.retry(),
    wake: () => link.wake(),
    transmit: (frame: ClientFrame) => link.transmit(frame),
  }
})
