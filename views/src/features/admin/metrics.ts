// Reads Prometheus text, and what two readings of one node say about the time between them. Pure.

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export type Metrics = ReadonlyMap<string, readonly Series[]>

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

export function parse(text: string): Metrics {
  const found = new Map<string, Series[]>()
  for (const line of text.split('\n')) {
    const [, name, labels, number] = LINE.exec(line) ?? []
    if (!name || number === undefined) continue
    const value = number === '+Inf' ? Infinity : Number(number)
    const named = Object.fromEntries([...(labels ?? '').matchAll(LABEL)].map(([, key, text]) => [key, text?.replace(/\\(.)/g, '$1')]))
    found.set(name, [...(found.get(name) ?? []), { labels: named as Record<string, string>, value }])
  }
  return found
}

/** The sum over all labels; 0 when there is none. */
export function sum(metrics: Metrics, name: string): number {
  return (metrics.get(name) ?? []).reduce((total, { value }) => total + value, 0)
}

/**
 * A quantile of what was observed between two readings of a histogram, in its unit, interpolated within the bucket.
 * Null when nothing was observed. What lies in the last, endless bucket counts as the highest bound.
 */
export function quantile(q: number, before: Metrics | null, now: Metrics, name: string): number | null {
  const buckets = increases(before, now, `${name}_bucket`).sort((a, b) => a.bound - b.bound)
  const total = buckets.at(-1)?.count ?? 0
  if (total <= 0) return null
  const wanted = q * total
  let [bound, count] = [0, 0]
  for (const bucket of buckets) {
    if (bucket.count >= wanted) {
      if (bucket.bound === Infinity) return bound
      const inside = bucket.count - count
      return bound + (bucket.bound - bound) * (inside > 0 ? (wanted - count) / inside : 1)
    }
    ;[bound, count] = [bucket.bound, bucket.count]
  }
  return bound
}

/** By how much each bucket grew; a histogram with several labels is taken as one. */
function increases(before: Metrics | null, now: Metrics, name: string): { bound: number; count: number }[] {
  const counts = new Map<string, number>()
  const add = (metrics: Metrics, sign: number) => {
    for (const { labels, value } of metrics.get(name) ?? []) counts.set(labels.le ?? '', (counts.get(labels.le ?? '') ?? 0) + sign * value)
  }
  add(now, 1)
  if (before) add(before, -1)
  return [...counts].map(([le, count]) => ({ bound: le === '+Inf' ? Infinity : Number(le), count: Math.max(0, count) }))
}
