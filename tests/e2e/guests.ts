// People with old pages, which are served by nginx in front of the nodes: how they come in, and what they do.

import { expect } from '@playwright/test'
import type { Browser, BrowserContext, Locator, Page } from '@playwright/test'

/** Where they are served; empty: nowhere. */
export const PAGES = process.env.STARLING_OLD_PAGES ?? ''
export const PASSWORD = 'correct horse battery'
/** Names are taken once. */
export const RUN = Date.now().toString(36)
/** A picture of one pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Somebody with one of the old pages. */
export interface Guest {
  id: number
  /** What friends see in their list. */
  shown: string
  page: Page
  context: BrowserContext
  sent: string[]
  faults: string[]
}

async function open(browser: Browser): Promise<Omit<Guest, 'id' | 'shown'>> {
  const context = await browser.newContext({ baseURL: PAGES, permissions: ['microphone'] })
  const page = await context.newPage()
  const [sent, faults]: [string[], string[]] = [[], []]
  page.on('websocket', (socket) => {
    socket.on('framesent', (frame) => sent.push(String(frame.payload)))
    expect(new URL(socket.url()).pathname).toBe('/chat')
  })
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('response', (response) => {
    // Their addresses name no icon; browsers ask for one by themselves.
    if (response.status() >= 400) faults.push(`${response.status()} from ${response.url()}`)
  })
  return { context, page, sent, faults }
}

async function fill(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [id, value] of Object.entries(fields)) await page.locator(`#${id}`).fill(value)
}

export async function ginchat(browser: Browser, shown: string): Promise<Guest> {
  const guest = await open(browser)
  const { page } = guest
  await page.goto('/')
  await page.getByRole('link', { name: 'register' }).click()
  await expect(page).toHaveTitle('ginchat: register')
  await fill(page, { name: shown, password: PASSWORD, again: PASSWORD })
  await page.getByRole('button', { name: 'register' }).click()
  await expect(page).toHaveTitle('ginchat')
  await fill(page, { name: shown, password: PASSWORD })
  await page.getByRole('button', { name: 'log in' }).click()
  await expect(page).toHaveTitle('ginchat: chat')
  return { ...guest, shown, id: Number(new URL(page.url()).searchParams.get('userId')) }
}

export async function imooc(browser: Browser, shown: string): Promise<Guest> {
  const guest = await open(browser)
  const { page } = guest
  const mobile = `139${String(Date.now()).slice(-8)}`
  await page.goto('/user/register.shtml')
  await fill(page, { mobile, passwd: PASSWORD, nickname: shown })
  await page.getByRole('button', { name: 'register' }).click()
  await expect(page).toHaveTitle('imooc chat')
  await fill(page, { mobile, passwd: PASSWORD })
  await page.getByRole('button', { name: 'log in' }).click()
  await expect(page).toHaveTitle('imooc chat: chat')
  return { ...guest, shown, id: Number(new URL(page.url()).searchParams.get('id')) }
}

export const messages = ({ page }: Guest, text: string | RegExp) => page.locator('#messages li').filter({ hasText: text })
const last = ({ page }: Guest) => page.locator('#messages li').last()

export async function submit({ page }: Guest, form: string, field: string, value: string): Promise<void> {
  await page.locator(field).fill(value)
  await page.locator(`${form} button`).click()
}

export async function chooses(who: Guest, list: '#friends' | '#groups', name: string | RegExp): Promise<void> {
  const row = who.page.locator(`${list} li`).filter({ hasText: name })
  await row.click()
  await expect(who.page.locator('#title')).toContainText(name)
}

export async function types(who: Guest, text: string): Promise<void> {
  await submit(who, '#say', '#text', text)
}

/** Both see it, each of them once: the author at once or by the echo, the other by the socket. */
export async function bothShow(author: Guest, other: Guest, text: string): Promise<void> {
  await expect(messages(other, text)).toHaveCount(1)
  await expect(messages(author, text)).toHaveCount(1)
  await expect(messages(author, text)).toHaveAttribute('data-mine', 'true')
  await expect(messages(other, text)).toHaveAttribute('data-mine', 'false')
}

async function isDrawn(picture: Locator): Promise<void> {
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0)
}

/** One more message at both, of this medium. */
async function bothGain(from: Guest, to: Guest, media: string, act: () => Promise<void>): Promise<void> {
  const guests = [from, to]
  const before = await Promise.all(guests.map(({ page }) => page.locator('#messages li').count()))
  await act()
  for (const [index, guest] of guests.entries()) {
    await expect(guest.page.locator('#messages li')).toHaveCount((before[index] ?? 0) + 1)
    await expect(last(guest)).toHaveAttribute('data-media', media)
  }
}

export async function exchangePicture(from: Guest, to: Guest): Promise<void> {
  const file = { name: 'cat.png', mimeType: 'image/png', buffer: PIXEL }
  await bothGain(from, to, '4', () => from.page.locator('#picture').setInputFiles(file))
  for (const guest of [from, to]) await isDrawn(last(guest).locator('img'))
}

export async function exchangeSticker(from: Guest, to: Guest, pack: string): Promise<void> {
  const stickers = from.page.locator(`#stickers img.${pack}`)
  await expect.poll(() => stickers.count()).toBeGreaterThan(9)
  await isDrawn(stickers.first())
  await bothGain(from, to, '4', () => stickers.first().click())
  for (const guest of [from, to]) await isDrawn(last(guest).locator('img'))
}

export async function exchangeVoice(from: Guest, to: Guest): Promise<void> {
  const button = from.page.locator('#talk')
  await bothGain(from, to, '3', async () => {
    await button.hover()
    await from.page.mouse.down()
    await expect(button).toHaveAttribute('data-talking', 'yes')
    // How long somebody talks is what is told.
    await from.page.waitForTimeout(1_100)
    await from.page.mouse.up()
  })
  for (const guest of [from, to]) {
    await expect(last(guest).getByRole('button')).toHaveText('2 s')
    await last(guest).getByRole('button').click()
    const heard = () => guest.page.locator('#player').evaluate((audio: HTMLAudioElement) => audio.readyState)
    await expect.poll(heard).toBeGreaterThan(0)
  }
}

