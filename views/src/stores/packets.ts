// What is known of red packets, by the place of their message.

import { defineStore } from 'pinia'
import { shallowReactive, watch } from 'vue'
import { api } from '../net/api'
import { ApiError } from '../net/http'
import type { Entry, Packet, Seq } from '../net/types'
import { useLive } from './live'
import { useSession } from './session'

export const usePackets = defineStore('packets', () => {
  const known = shallowReactive(new Map<Seq, Packet>())
  const asked = new Set<Seq>()

  /** Asks once; a failure is asked again by the next who needs it. */
  function need(seq: Seq): void {
    if (known.has(seq) || asked.has(seq)) return
    asked.add(seq)
    load(seq)
      .catch(() => undefined)
      .finally(() => asked.delete(seq))
  }

  async function load(seq: Seq): Promise<Packet> {
    const packet = await api.packet(seq)
    known.set(seq, packet)
    return packet
  }

  /** Takes a share. What was claimed already, or is gone meanwhile, is told by the packet itself. */
  async function claim(seq: Seq): Promise<Packet> {
    try {
      await api.claim(seq)
    } catch (error) {
      const settled = error instanceof ApiError && ['already_claimed', 'packet_empty', 'packet_expired'].includes(error.code)
      if (!settled) throw error
    }
    return load(seq)
  }

  /** Somebody claimed, or the rest went back. */
  function take(entry: Entry): void {
    if (entry.kind === 'notice' && entry.packet && entry.target != null && known.has(entry.target)) {
      void load(entry.target).catch(() => undefined)
    }
  }

  useLive().listen((entries) => entries.forEach(take))
  watch(
    () => useSession().me?.id,
    () => known.clear(),
  )
  return { known, need, load, claim }
})
