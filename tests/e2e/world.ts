// What flows share: the nodes under test, users made by REST, and pages that watch themselves.

import { expect, test } from '@playwright/test'
import type { APIRequestContext, Browser, BrowserContext, Page } from '@playwright/test'

/** Base URLs of the nodes, without a slash at the end. */
export const NODES = (process.env.STARLING_URLS ?? 'http://127.0.0.1:8080')
  .split(',')
  .map((url) => url.trim().replace(/\/$/, ''))
  .filter((url) => url !== '')

/** The node number `index`; with fewer nodes than asked for, they are used in turn. */
export function node(index: number): string {
  return NODES[index % NODES.length] ?? ''
}

export interface Person {
  id: number
  name: string
  nickname: string
  password: string
  page: Page
  context: BrowserContext
  base: string
  /** Its requests carry this person's session. */
  api: APIRequestContext
}

export interface Options {
  at: string
  nickname: string
  viewport?: { width: number; height: number }
}

let made = 0

/** Registers a user by REST on the node and opens a page there, logged in. */
export async function person(browser: Browser, { at, nickname, viewport }: Options): Promise<Person> {
  const name = `e2e-${Date.now().toString(36)}-${made++}`
  const password = 'correct horse battery'
  const context = await browser.newContext({ baseURL: at, viewport: viewport ?? { width: 1280, height: 800 } })
  const answer = await context.request.post('/api/v1/register', {
    data: { name, password, nickname, device: 'e2e' },
    headers: { Origin: at },
  })
  expect(answer.status(), await answer.text()).toBe(201)
  const { user } = (await answer.json()) as { user: { id: number } }
  const page = await context.newPage()
  guard(page, at)
  return { id: user.id, name, nickname, password, page, context, base: at, api: context.request }
}

export async function post(who: Person, path: string, data: unknown): Promise<unknown> {
  const answer = await who.api.post(path, { data, headers: { Origin: who.base } })
  expect(answer.ok(), `${path}: ${answer.status()} ${await answer.text()}`).toBe(true)
  return answer.status() === 204 ? null : answer.json()
}

const faults = new Map<Page, string[]>()
const frames = new Map<Page, string[]>()
/** Enough of the end to see what went wrong. */
const FRAMES_KEPT = 300

/** What a page and its node said to each other; attached to a failed flow. */
export function framesOf(page: Page): string {
  return (frames.get(page) ?? []).slice(-FRAMES_KEPT).join('\n')
}

/** Collects what must never happen on any page; `faultsOf` is asked at the end of each flow. */
export function guard(page: Page, origin: string): void {
  const found: string[] = []
  faults.set(page, found)
  page.on('pageerror', (error) => found.push(`pageerror: ${error.message}`))
  page.on('console', (message) => {
    // The first question of a logged-out page is who it is; the browser reports the 401 by itself.
    const expected = message.location().url.endsWith('/api/v1/me') && message.text().includes('401')
    if (message.type() === 'error' && !expected) found.push(`console: ${message.text()} (${message.location().url})`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && url.origin !== origin) found.push(`off-origin: ${request.url()}`)
    if (/token=|password=/.test(url.search)) found.push(`secret in a URL: ${request.url()}`)
  })
  const told: string[] = []
  frames.set(page, told)
  page.on('websocket', (socket) => {
    told.push('-- socket')
    socket.on('framesent', (frame) => told.push(`> ${frame.payload}`))
    socket.on('framereceived', (frame) => told.push(`< ${frame.payload}`))
    socket.on('close', () => told.push('-- closed'))
    const url = new URL(socket.url())
    if (url.host !== new URL(origin).host) found.push(`off-origin socket: ${socket.url()}`)
    if (url.search !== '') found.push(`query on a socket: ${socket.url()}`)
  })
  page.on('response', (response) => {
    if (response.url().includes('/api/')) told.push(`-- ${response.status()} ${response.request().method()} ${response.url()}`)
    if (response.status() >= 500) found.push(`${response.status()} from ${response.url()}`)
  })
}

export function faultsOf(page: Page): string[] {
  return faults.get(page) ?? []
}

export async function expectNoOverflow(page: Page): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  expect(over, `horizontal overflow at ${page.url()}`).toBeLessThanOrEqual(0)
}

export const composer = (page: Page) => page.getByRole('textbox', { name: '输入消息' })

/** The rows that show exactly this text. */
export const rows = (page: Page, text: string) => page.locator('article[data-mid]').filter({ hasText: text })

export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text)
  await composer(page).press('Enter')
}

/** A message written here reaches `sent`, and the other page shows it once. */
export async function exchange(from: Page, to: Page, text: string): Promise<void> {
  await test.step(text, async () => {
    await say(from, text)
    await expect(rows(from, text)).toHaveAttribute('data-state', /^(sent|read)$/)
    await expect(rows(to, text)).toHaveCount(1)
    await expect(rows(from, text)).toHaveCount(1)
  })
}
