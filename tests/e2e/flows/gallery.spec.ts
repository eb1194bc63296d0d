// What a conversation holds, by kind and by day.

import type { Page } from '@playwright/test'
import { expect, history, node, person, rows, SIZES, test, write } from '../world'
import type { Person } from '../world'
import { picture } from '../samples'

/** More than one page of the gallery, in two hands so that none sends too fast. */
const EACH = 40
/** Rows of three, of which a view and what stands ready around it have so many. */
const TILES_MAX = 60

let ada: Person
let bo: Person

test.afterEach(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

async function uploaded(who: Person, name: string, mimeType: string, buffer: Buffer): Promise<string> {
  const answer = await who.api.post('/api/v1/files', { multipart: { file: { name, mimeType, buffer } }, headers: { Origin: who.base } })
  expect(answer.status(), await answer.text()).toBe(201)
  return ((await answer.json()) as { url: string }).url
}

async function openPanel(page: Page, kind: string) {
  await page.getByRole('button', { name: '查找聊天记录' }).click()
  const panel = page.getByRole('complementary', { name: '查找聊天记录' })
  await panel.getByRole('radio', { name: kind }).check()
  return panel
}

for (const { name, viewport } of SIZES) {
  test(`pictures, files and links of a conversation, each leads to its place, ${name} D10 E8`, async ({ browser }) => {
    ada = await person(browser, { at: node(0), nickname: 'Ada', viewport })
    bo = await person(browser, { at: node(1), nickname: 'Bo' })
    const [toBo, toAda] = [`u:${bo.id}`, `u:${ada.id}`]
    await ada.page.goto('/')
    const { buffer } = await picture(ada.page, 'dot.png', 64, 48)
    const film = await write(ada, toBo, '', { media: 8, url: '/asset/none.mp4', amount: 65, meta: { w: 640, h: 360 } })
    const url = await uploaded(ada, 'dot.png', 'image/png', buffer)
    const own = await uploaded(bo, 'dot.png', 'image/png', buffer)
    const first = await write(ada, toBo, '', { media: 4, url, meta: { w: 64, h: 48 } })
    for (let n = 1; n < EACH; n++) {
      await write(ada, toBo, '', { media: 4, url, meta: { w: 64, h: 48 } })
      await write(bo, toAda, '', { media: 4, url: own, meta: { w: 64, h: 48 } })
    }
    const plan = await write(bo, toAda, '年度报告.pdf', { media: 10, url: await uploaded(bo, '年度报告.pdf', 'text/plain', Buffer.from('plan')), meta: { size: 4 } })
    await write(bo, toAda, 'list.csv', { media: 10, url: await uploaded(bo, 'list.csv', 'text/plain', Buffer.from('1,2')), meta: { size: 3 } })
    const address = await write(bo, toAda, 'look: https://birds.example/heron')
    const { page } = ada
    await page.goto(`/c/u/${bo.id}`)
    await expect(rows(page, 'birds.example')).toBeVisible()

    let panel = await openPanel(page, '图片与视频')
    const tiles = panel.getByRole('button', { name: /^(图片|视频 1:05) · / })
    await expect(tiles.first().locator('img')).toHaveJSProperty('complete', true)
    expect(await tiles.count()).toBeLessThanOrEqual(TILES_MAX)
    await expect(panel.getByRole('heading', { level: 3 })).toHaveText(new Intl.DateTimeFormat('zh-CN', { year: 'numeric', month: 'long' }).format(Date.now()))
    // The video is the oldest of all: it comes with the last page.
    const video = panel.getByRole('button', { name: /^视频 1:05 · / })
    await expect(async () => {
      await panel.getByRole('list').hover()
      await page.mouse.wheel(0, 5_000)
      await expect(video).toBeInViewport({ timeout: 500 })
    }).toPass()
    expect(await tiles.count()).toBeLessThanOrEqual(TILES_MAX)
    await expect(video).toContainText('1:05')

    await tiles.nth((await tiles.count()) - 2).click()
    const lightbox = page.getByRole('dialog', { name: '图片' })
    await expect(lightbox).toBeVisible()
    await lightbox.getByRole('button', { name: '在聊天中查看' }).click()
    await expect(lightbox).toBeHidden()
    await expect(page.locator(`article[data-mid="${first}"]`)).toBeInViewport()
    if (name === 'phone') panel = await openPanel(page, '图片与视频')
    await expect(video.or(tiles.first()).first()).toBeVisible()

    await panel.getByRole('radio', { name: '文件' }).check()
    const files = panel.getByRole('button', { name: /Bo/ })
    await expect(files).toHaveCount(2)
    // What comes while it is open stands in it, until it is recalled.
    const note = await write(bo, toAda, 'note.txt', { media: 10, url: await uploaded(bo, 'note.txt', 'text/plain', Buffer.from('note')), meta: { size: 4 } })
    await expect(files).toHaveCount(3)
    await expect(files.first()).toContainText('note.txt')
    expect((await bo.api.delete(`/api/v1/entries/${note}`, { headers: { Origin: bo.base } })).status()).toBe(204)
    await expect(files).toHaveCount(2)
    await panel.getByRole('searchbox').fill('报告')
    await expect(files).toHaveCount(1)
    await files.click()
    await expect(page.locator(`article[data-mid="${plan}"]`)).toBeInViewport()
    if (name === 'phone') panel = await openPanel(page, '链接')
    await panel.getByRole('searchbox').fill('')
    await panel.getByRole('radio', { name: '链接' }).check()
    const links = panel.getByRole('button', { name: /birds\.example/ })
    await expect(links).toHaveCount(1)
    await links.click()
    await expect(page.locator(`article[data-mid="${address}"]`)).toBeInViewport()
    expect(film).toBeLessThan(first)
  })

  test(`a day of the calendar leads to what was said first on it, ${name} D10`, async ({ browser }) => {
    ada = await person(browser, { at: node(0), nickname: 'Ada', viewport })
    bo = await person(browser, { at: node(1), nickname: 'Bo' })
    const now = new Date()
    for (let n = 1; n <= EACH; n++) await write(ada, `u:${bo.id}`, `line ${n}. ${'and so on '.repeat(n % 20)}`)
    const { page } = ada
    await page.goto(`/c/u/${bo.id}`)
    await expect(rows(page, `line ${EACH}.`)).toBeInViewport()
    const day = async (date: Date) => {
      const panel = page.getByRole('complementary', { name: '查找聊天记录' })
      if (!(await panel.isVisible())) await page.getByRole('button', { name: '查找聊天记录' }).click()
      await panel.getByRole('button', { name: '按日期查找' }).click()
      const dialog = page.getByRole('dialog', { name: '按日期查找' })
      const name = new Intl.DateTimeFormat('zh-CN', { year: 'numeric', month: 'long', day: 'numeric' }).format(date)
      const choice = dialog.getByRole('button', { name: new RegExp(`${name}(?!\\d)`) })
      await expect(dialog.getByRole('grid')).toBeVisible()
      while ((await choice.count()) === 0 || !(await choice.first().isVisible())) await dialog.getByRole('button', { name: '上个月' }).click()
      await choice.first().click()
      await expect(dialog).toBeHidden()
    }
    await day(now)
    await expect(rows(page, 'line 1.')).toBeInViewport()
    const before = new Date(now)
    before.setDate(now.getDate() - 1)
    await day(before)
    await expect(page.getByText(/^这一天没有消息，之后的第一条在/)).toBeVisible()
    await expect(rows(page, 'line 1.')).toBeInViewport()

    // What is asked for lies behind the last message.
    const panel = page.getByRole('complementary', { name: '查找聊天记录' })
    if (!(await panel.isVisible())) await page.getByRole('button', { name: '查找聊天记录' }).click()
    const tomorrow = new Date(now.getTime() + 86_400_000)
    await page.clock.setSystemTime(tomorrow)
    await panel.getByRole('button', { name: '按日期查找' }).click()
    const dialog = page.getByRole('dialog', { name: '按日期查找' })
    await page.keyboard.press('Enter')
    await expect(page.getByText('这一天及以后没有消息')).toBeVisible()
    await expect(page.getByText('这一天及以后没有消息')).toBeHidden()
    await expect(dialog.getByRole('button', { disabled: false }).and(dialog.locator('[data-today]'))).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.getByText('这一天及以后没有消息')).toBeVisible()
    await page.keyboard.press('Escape')
    await expect(dialog).toBeHidden()
    await expect(history(page)).toBeVisible()
  })
}
