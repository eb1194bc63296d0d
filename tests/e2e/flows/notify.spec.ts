// Signs of messages that came while the reader was elsewhere: one for all tabs, none for what he sees or muted.

import { expect, node, person, post, rows, say, test } from '../world'
import type { Person } from '../world'
import type { Page } from '@playwright/test'

let ada: Person
let bo: Person

test.describe.configure({ mode: 'serial' })

interface Told {
  title: string
  body: string
  tag: string
  closed: boolean
}

/** A notification of the browser's own. */
type Shown = Omit<Told, 'closed'> & { state: string }

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada', permissions: ['notifications'] })
  bo = await person(browser, { at: node(1), nickname: 'Bo' })
  // What the browser would show is written down instead; everything else of it is real.
  await ada.context.addInitScript(() => {
    const told: Told[] = []
    class Recorder extends EventTarget {
      static permission = 'granted'
      static requestPermission = () => Promise.resolve('granted')
      onclick: (() => void) | null = null
      private readonly entry: Told
      constructor(title: string, { body = '', tag = '' }: NotificationOptions) {
        super()
        this.entry = { title, body, tag, closed: false }
        told.push(this.entry)
        Object.assign(window, { lastNotification: this })
      }
      close(): void {
        this.entry.closed = true
      }
    }
    let hidden = false
    Object.defineProperty(document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') })
    Object.assign(window, {
      Notification: Recorder,
      told,
      hide: (now: boolean) => {
        hidden = now
        document.dispatchEvent(new Event('visibilitychange'))
      },
    })
  })
})

test.afterAll(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

const told = (page: Page) => page.evaluate(() => (window as unknown as { told: Told[] }).told)
const shown = (page: Page) => page.evaluate(() => (window as unknown as { told: Shown[] }).told)
const hide = (page: Page, now: boolean) => page.evaluate((on) => (window as unknown as { hide: (on: boolean) => void }).hide(on), now)
const icon = (page: Page) => page.locator('link[rel="icon"]').first().getAttribute('href')
let sent = 0
async function write(content: string, more: object = {}, conv = `u:${ada.id}`): Promise<number> {
  const { seq } = (await post(bo, `/api/v1/conversations/${conv}/messages`, { cid: `n-${Date.now()}-${sent++}`, media: 1, content, ...more })) as { seq: number }
  return seq
}

test('the browser shows one notification for all tabs, and takes it away when the message is recalled E7', async ({ browser }) => {
  const eve = await person(browser, { at: node(0), nickname: 'Eve', permissions: ['notifications'] })
  // The browser's own notifications, and what becomes of each. That a page is out of sight has to be said to it: without a
  // window every page is in front.
  await eve.context.addInitScript(() => {
    const told: Shown[] = []
    class Witnessed extends Notification {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options)
        const one = { title: this.title, body: this.body, tag: this.tag, state: 'made' }
        told.push(one)
        this.addEventListener('show', () => (one.state = 'shown'))
        this.addEventListener('close', () => (one.state = 'closed'))
        this.addEventListener('error', () => (one.state = 'failed'))
      }
    }
    Object.assign(window, { Notification: Witnessed, told })
  })
  const { page } = eve
  const second = await eve.context.newPage()
  await page.goto('/settings')
  await page.getByRole('switch', { name: '桌面通知', exact: true }).click()
  await expect(page.getByRole('switch', { name: '桌面通知', exact: true })).toHaveAttribute('aria-checked', 'true')
  await page.goto(`/c/u/${bo.id}`)
  await second.goto('/contacts')
  for (const one of [page, second]) await expect(one.locator('[data-node]')).toContainText(/ms/)
  const conv = `u:${eve.id}`
  const all = async () => [...(await shown(page)), ...(await shown(second))]

  await write('in front of him', {}, conv)
  await expect(rows(page, 'in front of him')).toBeVisible()
  await page.waitForTimeout(1_000)
  expect(await all()).toEqual([])

  for (const one of [page, second]) {
    await one.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })
      document.dispatchEvent(new Event('visibilitychange'))
    })
  }
  const seq = await write('while away', {}, conv)
  const expected = { title: 'Bo', body: 'while away', tag: `starling-u:${bo.id}` }
  await expect.poll(all).toEqual([{ ...expected, state: 'shown' }])
  await page.waitForTimeout(1_000)
  expect(await all()).toHaveLength(1)
  await bo.api.delete(`/api/v1/entries/${seq}`, { headers: { Origin: bo.base } })
  await expect.poll(all).toEqual([{ ...expected, state: 'closed' }])
  await eve.context.close()
})

test('notifications are asked for by a press and switched on E7', async () => {
  const { page } = ada
  await page.goto('/settings')
  const control = page.getByRole('switch', { name: '桌面通知', exact: true })
  await expect(control).toHaveAttribute('aria-checked', 'false')
  await control.click()
  await expect(control).toHaveAttribute('aria-checked', 'true')
  await page.reload()
  await expect(control).toHaveAttribute('aria-checked', 'true')
})

test('a hidden page tells once, with title, text and tag; a visible conversation never E7', async () => {
  const { page } = ada
  await page.goto(`/c/u/${bo.id}`)
  await write('seen at once')
  await expect(rows(page, 'seen at once')).toBeVisible()
  await hide(page, true)
  await write('while away')
  await expect.poll(() => told(page)).toEqual([{ title: 'Bo', body: 'while away', tag: `starling-u:${bo.id}`, closed: false }])
})

test('a recall closes it, and a click leads to the conversation E7 M25', async () => {
  const { page } = ada
  const seq = await write('better not')
  await expect.poll(async () => (await told(page)).at(-1)?.body).toContain('better not')
  await bo.api.delete(`/api/v1/entries/${seq}`, { headers: { Origin: bo.base } })
  await expect.poll(async () => (await told(page)).at(-1)?.closed).toBe(true)
  await page.goto('/contacts')
  await expect(page.locator('[data-node]')).toContainText(/ms/)
  await hide(page, true)
  await write('click me')
  await expect.poll(async () => (await told(page)).length).toBe(1)
  await page.evaluate(() => (window as unknown as { lastNotification: { onclick: () => void } }).lastNotification.onclick())
  await expect(page).toHaveURL(new RegExp(`/c/u/${bo.id}$`))
  await hide(page, false)
})

test('what comes while the page is still loading is told as soon as it can be E7', async () => {
  const { page } = ada
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  await page.route(/\/notifier-.*\.js$/, async (route) => {
    await held
    await route.continue()
  })
  const asked = page.waitForRequest(/\/notifier-.*\.js$/)
  await page.goto('/')
  await asked
  await expect(page.locator('[data-node]')).toContainText(/ms/)
  await write('before he looks away')
  const line = page.locator(`[data-conv="u:${bo.id}"]`)
  await expect(line).toContainText('before he looks away')
  await hide(page, true)
  await write('too early')
  await expect(line).toContainText('too early')
  expect(await told(page)).toEqual([])
  release()
  await expect.poll(async () => (await told(page)).map(({ body }) => body)).toEqual(['too early'])
  await page.unroute(/\/notifier-.*\.js$/)
  await hide(page, false)
})

test('two hidden tabs tell once; a look at either keeps both quiet E7 E18', async () => {
  const second = await ada.context.newPage()
  await ada.page.goto('/')
  await second.goto('/')
  for (const page of [ada.page, second]) {
    await expect(page.locator('[data-node]')).toContainText(/ms/)
    await hide(page, true)
  }
  const all = async () => (await told(ada.page)).length + (await told(second)).length
  await write('for one of you')
  await expect.poll(all).toBe(1)
  await ada.page.waitForTimeout(1_000)
  expect(await all()).toBe(1)
  await hide(second, false)
  await write('he looks')
  await expect(second.locator(`[data-conv="u:${bo.id}"]`)).toContainText('he looks')
  await ada.page.waitForTimeout(1_000)
  expect(await all()).toBe(1)
  await second.close()
})

test('a muted conversation is silent unless I am named E7', async () => {
  const { page } = ada
  const group = (await post(ada, '/api/v1/groups', { name: 'Quiet', members: [bo.id] })) as { id: number }
  await page.goto('/')
  const conv = `g:${group.id}`
  await ada.api.patch(`/api/v1/conversations/${conv}`, { data: { muted: true }, headers: { Origin: ada.base } })
  await expect(page.locator(`[data-conv="${conv}"]`)).toBeVisible()
  await page.reload()
  await expect(page.locator(`[data-conv="${conv}"]`)).toBeVisible()
  await hide(page, true)
  await write('nobody cares', {}, conv)
  await expect(page.locator(`[data-conv="${conv}"]`)).toContainText('nobody cares')
  await write('@Ada look', { mentions: [ada.id] }, conv)
  await expect.poll(async () => (await told(page)).map(({ body }) => body)).toEqual(['Bo：@Ada look'])
  await hide(page, false)
})

test('title and icon count what is unread, and are plain again when it is read M29', async () => {
  const { page } = ada
  await page.goto(`/c/u/${bo.id}`)
  const unread = async () => {
    const { conversations } = (await (await ada.api.get('/api/v1/conversations')).json()) as { conversations: { unread: number; muted: boolean }[] }
    return conversations.reduce((sum, one) => sum + (one.muted ? 0 : one.unread), 0)
  }
  await expect.poll(unread).toBe(0)
  await expect(page).toHaveTitle('Starling')
  const plain = await icon(page)
  await page.goto('/')
  await hide(page, true)
  for (let n = 1; n <= 3; n++) await write(`unread ${n}`)
  await expect(page).toHaveTitle(/^\(3\) /)
  await expect.poll(() => icon(page)).toMatch(/^data:image\/png/)
  await hide(page, false)
  await page.locator(`[data-conv="u:${bo.id}"]`).click()
  await expect(page).toHaveTitle('Starling')
  await expect.poll(() => icon(page)).toBe(plain)
  await say(page, 'read it all')
})
