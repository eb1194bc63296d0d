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
