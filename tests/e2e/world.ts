// What flows share: the nodes under test, users made by REST, and pages that watch themselves.

import { expect } from '@playwright/test'
import type { APIRequestContext, Browser, BrowserContext, BrowserContextOptions, Page } from '@playwright/test'
import { guard, test } from './watch'

export { expect } from '@playwright/test'
export { allowTrouble, expectNoOverflow, faultsOf, framesOf, guard, LOST_NODE, test } from './watch'

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

export interface Options extends BrowserContextOptions {
  at: string
  nickname: string
}

export const DESK = { width: 1280, height: 800 }
export const PHONE = { width: 375, height: 740 }
export const SIZES = [
  { name: 'desktop', viewport: DESK },
  { name: 'phone', viewport: PHONE },
]

let made = 0

/** Registers a user by REST on the node and opens a page there, logged in. */
export async function person(browser: Browser, { at, nickname, ...options }: Options): Promise<Person> {
  const name = `e2e-${Date.now().toString(36)}-${made++}`
  const password = 'correct horse battery'
  const context = await browser.newContext({ baseURL: at, viewport: DESK, ...options })
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

let written = 0

/** A message by REST; its seq. */
export async function write(who: Person, conv: string, content: string, more: object = {}): Promise<number> {
  const cid = `w-${Date.now().toString(36)}-${written++}`
  const { seq } = (await post(who, `/api/v1/conversations/${conv}/messages`, { cid, media: 1, content, ...more })) as { seq: number }
  return seq
}

/** The texts of the messages of a conversation, as the server has them. */
export async function stored(who: Person, conv: string): Promise<string[]> {
  const answer = await who.api.get(`/api/v1/conversations/${conv}/entries?limit=200`)
  const { entries } = (await answer.json()) as { entries: { kind: string; content?: string }[] }
  return entries.flatMap(({ kind, content }) => (kind === 'message' ? [content ?? ''] : []))
}

export const composer = (page: Page) => page.getByRole('textbox', { name: '输入消息' })

/** The rows that show exactly this text. */
export const rows = (page: Page, text: string) => page.locator('article[data-mid]').filter({ hasText: text })

export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text)
  await composer(page).press('Enter')
}

export const history = (page: Page) => page.getByRole('region', { name: '消息记录' })

/** How many pixels of a conversation lie below what is in view. */
export const below = (page: Page) => history(page).evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)

/** A message written here reaches `sent`, and the other page shows it once. */
export async function exchange(from: Page, to: Page, text: string): Promise<void> {
  await test.step(text, async () => {
    await say(from, text)
    await expect(rows(from, text)).toHaveAttribute('data-state', /^(sent|read)$/)
    await expect(rows(to, text)).toHaveCount(1)
    await expect(rows(from, text)).toHaveCount(1)
  })
}

/** As a network that is back does. A click on "retry" would wait for a button that is gone when the page was quicker. */
export const wake = (page: Page) => page.evaluate(() => void window.dispatchEvent(new Event('online')))
