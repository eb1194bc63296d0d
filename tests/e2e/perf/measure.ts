// Figures of a page, taken by the browser itself.

import type { CDPSession, Page } from '@playwright/test'

export interface Paint {
  lcp: number
  cls: number
  /** What long tasks took beyond 50 ms each. */
  blocked: number
}

interface LayoutShift extends PerformanceEntry {
  value: number
  hadRecentInput: boolean
}

/** A phone of the middle class on a good wireless network. */
const MIDDLING = { latency: 40, downloadThroughput: 10_000_000 / 8, uploadThroughput: 10_000_000 / 8, offline: false }
export const SLOWER = 4

export async function throttled(page: Page, slower = SLOWER): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', MIDDLING)
  await session.send('Emulation.setCPUThrottlingRate', { rate: slower })
  return session
}

/** Before the page is opened. */
export async function observe(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const paint = { lcp: 0, cls: 0, blocked: 0 }
    Object.assign(window, { paint })
    const on = (type: string, take: (entry: PerformanceEntry) => void) =>
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true })
    on('largest-contentful-paint', ({ startTime }) => (paint.lcp = startTime))
    on('layout-shift', (entry) => {
      const { value, hadRecentInput } = entry as LayoutShift
      if (!hadRecentInput) paint.cls += value
    })
    on('longtask', ({ duration }) => (paint.blocked += Math.max(0, duration - 50)))
  })
}

export function paintOf(page: Page): Promise<Paint> {
  return page.evaluate(() => ({ ...(window as unknown as { paint: Paint }).paint }))
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
}

export const median = (values: readonly number[]) => quantile(values, 0.5)

/** Prints a figure beside its budget, for people to read in the output of a run. */
export function tell(what: string, value: number, budget: number, unit = 'ms'): void {
  console.log(`   ${what}: ${value.toFixed(value < 1 ? 3 : 0)} ${unit} (budget ${budget})`)
}

/** Long enough for the scheduler to show how it shares. */
const SUM_CPU_MS = 400

/**
 * How many times as long things take as on a machine that does nothing else, for which the budgets are meant: the time
 * on the wall for a fixed time on a processor.
 */
export function disturbance(): number {
  const started = performance.now()
  const before = process.cpuUsage()
  let used = 0
  for (let sum = 1; used < SUM_CPU_MS; ) {
    for (let n = 0; n < 1_000_000; n++) sum = (sum * 31 + n) | 0
    const { user, system } = process.cpuUsage(before)
    used = (user + system) / 1_000
  }
  return Math.max(1, (performance.now() - started) / used)
}

/** What `pace` is on the machine that the budgets are of, while it does nothing else. */
export const PACE_MS = 245
/** The first time, the browser still gets its new process ready. */
const TIMES = 4
const ROUNDS = 3
const THINGS = 60_000

/**
 * How many milliseconds a page takes for work of the kind that pages do: making things, sorting them, writing and reading
 * them. So long as others use the processor's caches or its other threads it takes longer, which a share of the
 * processor's time does not show. The best of a few, as a burst of others' work says nothing of the load that follows.
 */
export function pace(page: Page): Promise<number> {
  return page.evaluate(
    ([times, rounds, things]) => {
      const work = () => {
        const started = performance.now()
        let sum = 0
        for (let round = 0; round < rounds; round++) {
          const all: { id: number; name: string; tags: number[] }[] = []
          for (let n = 0; n < things; n++) all.push({ id: (n * 7_919) % things, name: `n${n}`, tags: [n, n + 1] })
          all.sort((a, b) => a.id - b.id)
          const byName = new Map(all.map((one) => [one.name, one]))
          sum += (JSON.parse(JSON.stringify(all)) as unknown[]).length + byName.size
        }
        return sum === 2 * rounds * things ? performance.now() - started : NaN
      }
      return Math.min(...Array.from({ length: times }, work))
    },
    [TIMES, ROUNDS, THINGS] as const,
  )
}
