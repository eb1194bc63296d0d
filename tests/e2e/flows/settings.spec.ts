// What is set stays set: over reloads, log-outs and tabs; before the first paint; in both languages.

import type { Page } from '@playwright/test'
import { expect, expectNoOverflow, node, person, PHONE, post, rows, say, test } from '../world'
import type { Person } from '../world'

let ada: Person
let bo: Person

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada' })
  bo = await person(browser, { at: node(1), nickname: 'Bo' })
})

test.afterAll(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

const root = (page: Page) => page.locator('html')
const choose = (page: Page, group: string, option: string) =>
  page.getByRole('radiogroup', { name: group }).getByText(option, { exact: true }).click()

async function logIn(page: Page, who: Person): Promise<void> {
  await page.getByLabel(/用户名|User name/).fill(who.name)
  await page.getByLabel(/^(密码|Password)$/).fill(who.password)
  await page.getByRole('button', { name: /^(登录|Log in)$/ }).click()
  await expect(page.getByRole('navigation').first()).toBeVisible()
}

test('every choice outlives a reload and a log-out E19 D12', async () => {
  const { page } = ada
  await page.goto('/settings')
  await choose(page, '文字大小', '大')
  await choose(page, '排列', '紧凑')
  await page.getByRole('switch', { name: '高对比度' }).click()
  await choose(page, '发送消息', 'Ctrl + Enter')
  await page.getByRole('switch', { name: '提示音' }).click()
  await choose(page, '主题', '深色')
  await page.reload()

  const kept = async () => {
    await expect(root(page)).toHaveAttribute('data-theme', 'dark')
    await expect(root(page)).toHaveAttribute('data-font', 'large')
    await expect(root(page)).toHaveAttribute('data-density', 'compact')
    await expect(root(page)).toHaveAttribute('data-contrast', 'high')
    await expect(page.getByRole('switch', { name: '提示音' })).toHaveAttribute('aria-checked', 'true')
    await expect(page.getByRole('radio', { name: 'Ctrl + Enter' })).toBeChecked()
  }
  await kept()
  await page.getByRole('button', { name: '退出登录' }).click()
  await expect(page).toHaveURL(/\/login/)
  await expect(root(page)).toHaveAttribute('data-theme', 'dark')
  await logIn(page, ada)
  await page.goto('/settings')
  await kept()
})

test('the key that sends is the chosen one E19', async () => {
  const { page } = ada
  await page.goto(`/c/u/${bo.id}`)
  const field = page.getByRole('textbox', { name: '输入消息' })
  await field.fill('line one')
  await field.press('Enter')
  await expect(field).toHaveValue('line one\n')
  await field.press('Control+Enter')
  await expect(rows(page, 'line one')).toHaveCount(1)
  await expect(field).toHaveValue('')
})

test('a choice in one tab is seen in the other within a second E18', async () => {
  const other = await ada.context.newPage()
  await other.goto('/settings')
  await ada.page.goto('/settings')
  await choose(other, '主题', '浅色')
  await expect(root(ada.page)).toHaveAttribute('data-theme', 'light', { timeout: 1_000 })
  await choose(other, '语言', 'English')
  await expect(ada.page.getByRole('heading', { name: 'Settings' })).toBeVisible({ timeout: 1_000 })
  await choose(other, 'Language', '简体中文')
  await expect(ada.page.getByRole('heading', { name: '设置' })).toBeVisible({ timeout: 1_000 })
  await other.close()
})

test('reading and recalling in one tab is seen in the other within a second E18', async () => {
  await ada.page.goto('/')
  const second = await ada.context.newPage()
  await second.goto('/')
  const row = (page: Page) => page.locator(`[data-conv="u:${bo.id}"]`)
  await bo.page.goto(`/c/u/${ada.id}`)
  await say(bo.page, 'for both tabs')
  await expect(row(ada.page)).toHaveAccessibleName(/1 条未读/)
  await expect(row(second)).toHaveAccessibleName(/1 条未读/)
  await row(second).click()
  await expect(rows(second, 'for both tabs')).toBeVisible()
  await expect(row(ada.page)).not.toHaveAccessibleName(/未读/, { timeout: 1_000 })

  await ada.page.goto(`/c/u/${bo.id}`)
  const { seq } = (await post(ada, `/api/v1/conversations/u:${bo.id}/messages`, {
    cid: `tab-${Date.now()}`,
    media: 1,
    content: 'taken back',
  })) as { seq: number }
  await expect(rows(ada.page, 'taken back')).toHaveCount(1)
  await expect(rows(second, 'taken back')).toHaveCount(1)
  await ada.api.delete(`/api/v1/entries/${seq}`, { headers: { Origin: ada.base } })
  await expect(rows(ada.page, 'taken back')).toHaveCount(0, { timeout: 1_000 })
  await expect(rows(second, 'taken back')).toHaveCount(0, { timeout: 1_000 })
  await second.close()
})

test('what is kept on the device is told and can be cleared E19', async () => {
  const { page } = ada
  await page.goto(`/c/u/${bo.id}`)
  await expect(page.getByRole('region', { name: '消息记录' })).toBeVisible()
  await page.goto('/settings')
  await expect(page.locator('[data-storage]')).not.toHaveText(/^0 /)
  await page.getByRole('button', { name: '清除缓存' }).click()
  await expect(page.getByText('缓存已清除')).toBeVisible()
  await expect(page.locator('[data-storage]')).toHaveText(/^0 /)
})

test('devices are listed, and one is logged out from another E19', async ({ browser }) => {
  const phone = await browser.newContext({ baseURL: node(1), viewport: PHONE })
  const page = await phone.newPage()
  await page.goto('/')
  await logIn(page, ada)
  await ada.page.goto('/settings')
  const devices = ada.page.getByRole('listitem').filter({ hasText: '最近活动' })
  await expect(devices.filter({ hasText: '此设备' })).toHaveCount(1)
  const before = await devices.count()
  await ada.page.getByRole('button', { name: /退出该设备/ }).last().click()
  await expect(devices).toHaveCount(before - 1)
  await phone.close()
})

test('the first paint of a dark page is dark, and the browser is told E13', async ({ browser }) => {
  const context = await browser.newContext({ baseURL: node(0), colorScheme: 'dark' })
  const page = await context.newPage()
  // The style of the page when nothing of the application has run yet.
  let goOn = (): void => undefined
  const looked = new Promise<void>((resolve) => (goOn = resolve))
  await page.route(/\/assets\/index-.*\.js$/, async (route) => (await looked, route.continue()))
  await page.goto('/', { waitUntil: 'commit' })
  await expect(root(page)).toHaveAttribute('data-theme', 'dark')
  await page.waitForFunction(() => document.styleSheets.length > 0)
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(12, 16, 18)')
  expect(await page.locator('#app').innerHTML()).toBe('')
  await expect(page.locator('meta[name="theme-color"]')).toHaveAttribute('content', '#0C1012')
  expect(await root(page).evaluate((html) => getComputedStyle(html).colorScheme)).toBe('dark')
  goOn()
  await expect(page.getByRole('heading')).toBeVisible()
  await page.emulateMedia({ colorScheme: 'light' })
  await expect(root(page)).toHaveAttribute('data-theme', 'light')
  await expect(page.locator('meta[name="theme-color"]')).toHaveAttribute('content', '#E9EDEF')
  await context.close()
})

const ROUTES = ['/', '/contacts', '/groups', '/settings', '/cluster']

test('English pages hold no Chinese and no raw keys, live and after a reload M27', async () => {
  const { page } = bo
  await page.goto('/settings')
  await choose(page, '语言', 'English')
  await expect(root(page)).toHaveAttribute('lang', 'en')
  for (const route of [...ROUTES, `/c/u/${ada.id}`]) {
    await page.goto(route)
    await expect(page.getByRole('navigation', { name: 'Main' })).toBeVisible()
    const text = await page.evaluate(() => {
      const names = [...document.querySelectorAll('[aria-label],[title],[placeholder]')].flatMap((one) =>
        ['aria-label', 'title', 'placeholder'].map((name) => one.getAttribute(name) ?? ''),
      )
      const own = [...document.querySelectorAll('[lang="zh-CN"], input[value="zh-CN"]')].map((one) => one.closest('label') ?? one)
      return [document.body.innerText.replaceAll('简体中文', ''), ...names].join('\n') + own.length * 0
    })
    expect(text.match(/[\p{Script=Han}]+/gu) ?? [], route).toEqual([])
    expect(text.match(/\b(?:settings|nav|link|node|chat|cluster|common|menu)\.[a-z]\w+/g) ?? [], route).toEqual([])
  }
  await page.goto('/settings')
  await choose(page, 'Language', '简体中文')
})

test('texts that are 40 % longer clip no button and widen no page M27', async () => {
  const { page } = bo
  for (const viewport of [PHONE, { width: 1280, height: 800 }]) {
    await page.setViewportSize(viewport)
    for (const route of ROUTES) {
      await page.goto(route)
      await expect(page.getByRole('main')).toBeVisible()
      await expect(page.getByRole('heading').first()).toBeAttached()
      const clipped = await page.evaluate(() => {
        const longer = (text: string) => text + '字'.repeat(Math.ceil(text.length * 0.4))
        const found: string[] = []
        for (const control of document.querySelectorAll('button, a, [role="radiogroup"] label')) {
          for (const node of control.childNodes) {
            if (node.nodeType === Node.TEXT_NODE && node.textContent?.trim()) node.textContent = longer(node.textContent.trim())
          }
          const { overflow, textOverflow } = getComputedStyle(control)
          if (overflow !== 'visible' && textOverflow !== 'ellipsis' && control.scrollWidth > control.clientWidth + 1) {
            found.push(control.textContent ?? '')
          }
        }
        return found
      })
      expect(clipped, route).toEqual([])
      await expectNoOverflow(page)
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 })
})
