// Every page of every flow watches itself: what must never happen there fails the test in which it happened. Flows take
// `test` from `./world`, and have to say so (`allowTrouble`) when they cause trouble on purpose.

import { test as base, expect } from '@playwright/test'
import type { BrowserContext, ConsoleMessage, Page, Request, WebSocket } from '@playwright/test'

interface Watched {
  /** The origin whose page this is: the first that was opened, or the one that was told. */
  home: string | null
  faults: string[]
  allowed: RegExp[]
  frames: string[]
}

/** Enough of the end to see what went wrong. */
const FRAMES_KEPT = 300
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])$/

/** What the browser and the page say when the node behind them is gone. */
export const LOST_NODE = [
  /WebSocket connection to .* failed/,
  /net::ERR_(CONNECTION_\w+|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|NETWORK_CHANGED|INCOMPLETE_CHUNKED_ENCODING|INTERNET_DISCONNECTED)/,
  /\b50[234]\b/,
]

const pages = new Map<Page, Watched>()
const contexts = new WeakSet<BrowserContext>()

/** Collects what must never happen on any page. Pages of contexts made in a test are watched by themselves. */
export function guard(page: Page, home: string | null = null): void {
  const known = pages.get(page)
  if (known) {
    known.home = home ?? known.home
    return
  }
  const watched: Watched = { home, faults: [], allowed: [], frames: [] }
  pages.set(page, watched)
  page.on('pageerror', (error) => watched.faults.push(`pageerror: ${error.message}`))
  page.on('console', (message) => heard(watched, message))
  page.on('request', (request) => asked(watched, page, request))
  page.on('websocket', (socket) => opened(watched, page, socket))
  page.on('response', (response) => {
    const path = new URL(response.url()).pathname
    if (path.startsWith('/api/')) watched.frames.push(`-- ${response.status()} ${response.request().method()} ${path}`)
    if (response.status() >= 500) watched.faults.push(`${response.status()} from ${response.url()}`)
  })
}

/** From now on this page may show faults that match: the test causes them. */
export function allowTrouble(page: Page, ...patterns: RegExp[]): void {
  guard(page)
  pages.get(page)?.allowed.push(...patterns)
}

/** What was found on the page since it was last asked for. */
export function faultsOf(page: Page): string[] {
  const watched = pages.get(page)
  if (!watched) return []
  return watched.faults.splice(0).filter((fault) => !watched.allowed.some((pattern) => pattern.test(fault)))
}

/** What a page and its node said to each other; attached to a failed flow. */
export function framesOf(page: Page): string {
  return (pages.get(page)?.frames ?? []).slice(-FRAMES_KEPT).join('\n')
}

export async function expectNoOverflow(page: Page): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  expect(over, `horizontal overflow at ${page.url()}`).toBeLessThanOrEqual(0)
}

function heard({ faults }: Watched, message: ConsoleMessage): void {
  if (message.type() !== 'error') return
  const { url } = message.location()
  // The first question of a logged-out page is who it is; the browser reports the 401 by itself.
  if (url.endsWith('/api/v1/me') && message.text().includes('401')) return
  faults.push(`console: ${message.text()} (${url})`)
}

function asked(watched: Watched, page: Page, request: Request): void {
  const url = new URL(request.url())
  if (hasSecret(url)) watched.faults.push(`secret in a URL: ${request.url()}`)
  if (!url.protocol.startsWith('http')) return
  if (request.isNavigationRequest() && request.frame() === page.mainFrame()) {
    // A test may go on at another node.
    if (watched.home === null || LOOPBACK.test(url.hostname)) watched.home = url.origin
  }
  if (url.origin !== watched.home) watched.faults.push(`off-origin: ${request.url()}`)
}

function opened(watched: Watched, page: Page, socket: WebSocket): void {
  const url = new URL(socket.url())
  const { frames, faults } = watched
  frames.push(`-- socket of ${page.url()}`)
  socket.on('framesent', (frame) => frames.push(`> ${frame.payload}`))
  socket.on('framereceived', (frame) => frames.push(`< ${frame.payload}`))
  socket.on('close', () => frames.push('-- closed'))
  if (watched.home !== null && url.host !== new URL(watched.home).host) faults.push(`off-origin socket: ${socket.url()}`)
  if (url.search !== '') faults.push(`query on a socket: ${socket.url()}`)
}

function hasSecret(url: URL): boolean {
  return /(token|password|secret|session)=/i.test(url.search + url.hash)
}

function watchContext(context: BrowserContext): void {
  if (contexts.has(context)) return
  contexts.add(context)
  context.on('page', (page) => guard(page))
  for (const page of context.pages()) guard(page)
  // Asked before the first page is, so it is there before the first document.
  void context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP: ${event.violatedDirective} forbids ${event.blockedURI}`)
    })
  })
}

async function expectAllQuiet(failed: boolean, attach: (name: string, body: string) => Promise<void>): Promise<void> {
  const found: string[] = []
  for (const [page, { frames }] of pages) {
    found.push(...faultsOf(page).map((fault) => `${page.url()}: ${fault}`))
    if (failed && frames.length > 0) await attach(`frames of ${page.url()}`, framesOf(page))
    if (page.isClosed()) pages.delete(page)
    else if (page.url().startsWith('http')) await expectNoOverflow(page)
  }
  expect(found, 'faults that the pages show').toEqual([])
}

interface Fixtures {
  quiet: undefined
}
interface WorkerFixtures {
  watch: undefined
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  watch: [
    async ({ browser }, use) => {
      browser.contexts().forEach(watchContext)
      browser.on('context', watchContext)
      await use(undefined)
    },
    { scope: 'worker', auto: true },
  ],
  quiet: [
    async ({ watch }, use, info) => {
      await use(watch)
      const failed = info.status !== info.expectedStatus
      await expectAllQuiet(failed, (name, body) => info.attach(name, { body }))
    },
    { auto: true },
  ],
})
