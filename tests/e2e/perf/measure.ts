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

/** How long a fixed amount of arithmetic takes: what the machine has left for us. */
export function arithmetic(page: Page): Promise<number> {
  return page.evaluate(() => {
    const started = performance.now()
    let sum = 0
    for (let n = 0; n < 20_000_000; n++) sum = (sum * 31 + n) | 0
    return performance.now() - started + (sum === 1 ? 1 : 0)
  })
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

/**
 * How much slower than undisturbed the machine is now: budgets are meant for one that does nothing else. The fastest of
 * many equal sums is what it can do, the middle one is what it does.
 */
export async function disturbance(page: Page): Promise<number> {
  const sums: number[] = []
  for (let n = 0; n < 15; n++) sums.push(await arithmetic(page))
  return Math.max(1, median(sums) / Math.min(...sums))
}
