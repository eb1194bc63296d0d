// Asks the node for its numbers while the page is looked at. Behind a proxy each answer may be another node's, so a
// reading is compared with the one before of the same node.

import { useDocumentVisibility, useIntervalFn } from '@vueuse/core'
import { computed, ref, shallowRef } from 'vue'
import { parse, quantile, sum } from './metrics'
import type { Metrics } from './metrics'
import { api } from '@/net/api'

const POLL_MS = 2_000
const POINTS_MAX = 150
const LOG_MAX = 50

export interface Trouble {
  at: number
  code: string
  over: string
  by: number
}

type Points = readonly [at: number, value: number][]

export function useMetrics() {
  const now = shallowRef<Metrics | null>(null)
  const before = shallowRef<Metrics | null>(null)
  const failed = ref(false)
  const throughput = shallowRef<Points>([])
  const latency = shallowRef<Points>([])
  const troubles = shallowRef<readonly Trouble[]>([])
  const visibility = useDocumentVisibility()
  let takenAt = 0

  async function load(): Promise<void> {
    try {
      take(parse(await api.adminMetrics()))
      failed.value = false
    } catch {
      failed.value = true
    }
  }

  function take(fresh: Metrics): void {
    const at = Date.now()
    const past = now.value && follows(now.value, fresh) ? now.value : null
    before.value = past
    now.value = fresh
    if (past && at > takenAt) {
      const entries = sum(fresh, 'starling_append_entries_sum') - sum(past, 'starling_append_entries_sum')
      throughput.value = [...throughput.value.slice(1 - POINTS_MAX), [at, (entries * 1000) / (at - takenAt)]]
      const p95 = quantile(0.95, past, fresh, 'starling_ack_seconds')
      latency.value = [...latency.value.slice(1 - POINTS_MAX), [at, (p95 ?? 0) * 1000]]
      troubles.value = [...newTroubles(past, fresh, at), ...troubles.value].slice(0, LOG_MAX)
    }
    takenAt = at
  }

  useIntervalFn(() => visibility.value === 'visible' && void load(), POLL_MS, { immediateCallback: true })

  const value = (name: string) => computed(() => (now.value ? sum(now.value, name) : null))
  const delay = (q: number) =>
    computed(() => {
      const seconds = now.value && (quantile(q, before.value, now.value, 'starling_ack_seconds') ?? quantile(q, null, now.value, 'starling_ack_seconds'))
      return seconds == null ? null : seconds * 1000
    })
  return { now, failed, throughput, latency, troubles, value, delay, load }
}

/** Counters only rise in one process: a reading with less of anything is another one's. */
function follows(past: Metrics, fresh: Metrics): boolean {
  return ['starling_bus_datagrams_in_total', 'starling_bus_datagrams_out_total', 'starling_bus_store_polls_total', 'starling_http_requests_total'].every(
    (name) => sum(fresh, name) >= sum(past, name),
  )
}

function newTroubles(past: Metrics, fresh: Metrics, at: number): Trouble[] {
  const known = new Map((past.get('starling_errors_total') ?? []).map(({ labels, value }) => [`${labels.over} ${labels.code}`, value]))
  return (fresh.get('starling_errors_total') ?? []).flatMap(({ labels: { over = '', code = '' }, value }) => {
    const by = value - (known.get(`${over} ${code}`) ?? 0)
    return by > 0 ? [{ at, over, code, by }] : []
  })
}
