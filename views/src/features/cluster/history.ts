// What the cluster's reports of the last minutes say together. A report holds the counters of the node that was asked
// (behind a proxy each time another one) and a line about every node. Pure.

import type { ClusterNode, ClusterReport } from '../../net/types'

export interface Sample {
  readonly at: number
  /** The node that was asked. */
  readonly self: string
  readonly counters: Readonly<Record<string, number>>
  /** The highest place in the log that anybody told of. */
  readonly head: number
  readonly connections: number
  readonly users: number
  readonly nodes: readonly string[]
}

/** Five minutes, asked each second. */
const SAMPLES_MAX = 300
/** Older counters of another node say nothing about now. */
const FRESH_MS = 15_000
/** Beats come several times a second; a node silent for this long is not well, whatever others still think. */
const SILENT_MS = 1_500

export type Health = 'up' | 'quiet' | 'down'

export function healthOf(node: ClusterNode, self: string): Health {
  if (String(node.id) === self || node.state === 'self') return 'up'
  if (node.state === 'up') return (node.heard_ms_ago ?? 0) > SILENT_MS ? 'quiet' : 'up'
  return node.state === 'suspect' ? 'quiet' : 'down'
}

export function sampleOf(report: ClusterReport, at: number): Sample {
  const self = String(report.self)
  const alive = report.nodes.filter((node) => healthOf(node, self) !== 'down')
  const sum = (pick: (node: ClusterNode) => number | undefined) => alive.reduce((total, node) => total + (pick(node) ?? 0), 0)
  return {
    at,
    self,
    counters: { ...numbers(report.bus), ...numbers(report.node ?? {}) },
    head: Math.max(0, ...report.nodes.map((node) => node.head ?? 0)),
    connections: sum((node) => node.connections),
    users: sum((node) => node.users),
    nodes: alive.map((node) => String(node.id)),
  }
}

function numbers(values: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, number] => typeof pair[1] === 'number'))
}

export function append(history: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...history.slice(1 - SAMPLES_MAX), sample]
}

/** By how much a counter of one node rose between the last two looks at it, and over how long. */
export function rise(history: readonly Sample[], node: string, counter: string): { by: number; ms: number } | null {
  const own = history.filter((sample) => sample.self === node)
  const [before, last] = own.slice(-2)
  if (!before || !last || last.at <= before.at) return null
  return { by: Math.max(0, (last.counters[counter] ?? 0) - (before.counters[counter] ?? 0)), ms: last.at - before.at }
}

/** Per second; null where the node was not asked lately. */
export function rate(history: readonly Sample[], node: string, counter: string): number | null {
  const last = history.findLast((sample) => sample.self === node)
  const newest = history.at(-1)
  if (!last || !newest || newest.at - last.at > FRESH_MS) return null
  const rose = rise(history, node, counter)
  return rose ? (rose.by * 1000) / rose.ms : null
}

/**
 * Datagrams that each node sends per second. Of a node that was not asked only its part of what another one hears is
 * known: all nodes but the hearer in equal parts.
 */
export function datagramRates(history: readonly Sample[]): ReadonlyMap<string, number> {
  const newest = history.at(-1)
  const found = new Map<string, number>()
  if (!newest) return found
  const heard = (rate(history, newest.self, 'datagrams_in') ?? 0) - (rate(history, newest.self, 'dropped_own') ?? 0)
  const share = Math.max(0, heard) / Math.max(1, newest.nodes.length - 1)
  for (const id of newest.nodes) found.set(id, rate(history, id, 'datagrams_out') ?? share)
  return found
}

/** What the newest sample's node sent since it was last asked that was more than a sign of life, and how long the last look at any node is ago. */
export function traffic(history: readonly Sample[]): { from: string; datagrams: number; ms: number } | null {
  const newest = history.at(-1)
  const before = history.at(-2)
  if (!newest || !before) return null
  const sent = rise(history, newest.self, 'datagrams_out')
  if (!sent) return null
  const beats = ['beats_out', 'tail_beats_out'].reduce((sum, name) => sum + (rise(history, newest.self, name)?.by ?? 0), 0)
  return { from: newest.self, datagrams: Math.max(0, sent.by - beats), ms: newest.at - before.at }
}

/** The sum over all nodes that were asked lately. */
export function total(history: readonly Sample[], counters: readonly string[]): number {
  const latest = new Map(history.map((sample) => [sample.self, sample]))
  let sum = 0
  for (const sample of latest.values()) for (const name of counters) sum += sample.counters[name] ?? 0
  return sum
}

/** One value for each second between two samples: by how much `pick` rose per second. */
export function perSecond(history: readonly Sample[], pick: (sample: Sample) => number): [at: number, value: number][] {
  return history.slice(1).map((sample, n) => {
    const before = history[n] ?? sample
    const ms = sample.at - before.at
    return [sample.at, ms > 0 ? (Math.max(0, pick(sample) - pick(before)) * 1000) / ms : 0]
  })
}

/** When this run of the node began: ids are made from the clock. Null for an id of another kind. */
export function startedAt(id: string): number | null {
  const hex = id.replaceAll('-', '')
  return /^[\da-f]{12}7[\da-f]{19}$/i.test(hex) ? parseInt(hex.slice(0, 12), 16) : null
}
