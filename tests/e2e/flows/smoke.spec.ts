// Two people on two nodes: private chat, group chat, reload, log-in pages. Meant to run at every change, in under a minute.

import { composer, exchange, expect, node, person, PHONE, post, rows, say, test } from '../world'
import { wires } from '../wires'
import type { Person } from '../world'

let ada: Person
let bo: Person

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada' })
  bo = await person(browser, { at: node(1), nickname: 'Bo', viewport: PHONE })
})

test.afterAll(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

test('a private chat crosses nodes both ways @smoke', async () => {
  await ada.page.goto(`/c/u/${bo.id}`)
  await bo.page.goto(`/c/u/${ada.id}`)
  await expect(ada.page.getByRole('heading', { name: 'Bo' })).toBeVisible()
  await exchange(ada.page, bo.page, '你好，Bo')
  await exchange(bo.page, ada.page, 'hello Ada')
  for (let n = 1; n <= 5; n++) await say(ada.page, `burst ${n}`)
  for (let n = 1; n <= 5; n++) await expect(rows(bo.page, `burst ${n}`)).toHaveCount(1)
  const order = await bo.page.locator('article[data-mid]').filter({ hasText: 'burst' }).allInnerTexts()
  expect(order.map((text) => /burst (\d)/.exec(text)?.[1])).toEqual(['1', '2', '3', '4', '5'])
})

test('what was read is shown as read, and unread ones are counted @smoke', async () => {
  await expect(rows(ada.page, 'burst 5')).toHaveAttribute('data-state', 'read')
  await bo.page.getByRole('button', { name: '返回' }).click()
  await say(ada.page, 'unread one')
  const row = bo.page.locator(`[data-conv="u:${ada.id}"]`)
  await expect(row).toHaveAccessibleName(/1 条未读/)
  await expect(row).toContainText('unread one')
  await row.click()
  await expect(rows(bo.page, 'unread one')).toBeVisible()
  await expect(rows(ada.page, 'unread one')).toHaveAttribute('data-state', 'read')
  await bo.page.getByRole('button', { name: '返回' }).click()
  await expect(row).not.toHaveAccessibleName(/未读/)
})

test('a group made in the page carries messages across nodes @smoke', async () => {
  await ada.page.getByRole('button', { name: '新建' }).click()
  await ada.page.getByRole('menuitem', { name: '创建群组' }).click()
  await ada.page.getByRole('textbox', { name: '群名' }).fill(`Birds ${ada.id}`)
  await ada.page.getByRole('button', { name: '创建', exact: true }).click()
  await expect(ada.page).toHaveURL(/\/c\/g\/\d+$/)
  const id = Number(/\/c\/g\/(\d+)$/.exec(ada.page.url())?.[1])

  await post(bo, `/api/v1/groups/${id}/join`, {})
  await expect(ada.page.getByRole('region', { name: '消息记录' }).getByText('Bo 加入了群组')).toBeVisible()
  await bo.page.goto(`/c/g/${id}`)
  await exchange(ada.page, bo.page, 'to the group')
  await exchange(bo.page, ada.page, 'from the phone')
  await expect(rows(bo.page, 'to the group')).toContainText('Ada')
})

test('a reload keeps the session, the place and the messages @smoke', async () => {
  const url = ada.page.url()
  await ada.page.reload()
  await expect(ada.page).toHaveURL(url)
  await expect(rows(ada.page, 'from the phone')).toHaveCount(1)
  await exchange(ada.page, bo.page, 'after the reload')
})

test('messages written while cut survive a reload and are sent once @smoke', async () => {
  const { page } = ada
  const wire = await wires(page)
  await wire.cut()
  await page.reload()
  await expect(page.getByRole('status').filter({ hasText: '重连' }).first()).toBeVisible()
  await say(page, 'written in the dark')
  await expect(rows(page, 'written in the dark')).toHaveAttribute('data-state', 'pending')
  await page.reload()
  await expect(rows(page, 'written in the dark')).toHaveAttribute('data-state', 'pending')
  wire.restore()
  await page.getByRole('button', { name: '立即重试' }).first().click()
  await expect(rows(page, 'written in the dark')).toHaveAttribute('data-state', 'sent')
  await expect(rows(bo.page, 'written in the dark')).toHaveCount(1)
})

test('the page names its node and shows the cluster @smoke', async () => {
  await expect(ada.page.locator('[data-node]')).toContainText(/ms/)
  await ada.page.locator('[data-node]').click()
  await expect(ada.page.getByText('你在这里')).toBeVisible()
  await ada.page.goto('/settings')
  await ada.page.getByText('English').click()
  await expect(ada.page.getByRole('heading', { name: 'Settings' })).toBeVisible()
  await expect(ada.page.locator('html')).toHaveAttribute('lang', 'en')
  await ada.page.getByText('简体中文').click()
})

test('a revoked session says why, and logging in leads back @smoke', async ({ browser }) => {
  const context = await browser.newContext({ baseURL: ada.base, viewport: PHONE })
  const page = await context.newPage()
  await page.goto(`/c/u/${bo.id}`)
  await expect(page).toHaveURL(/\/login/)
  await page.getByLabel('用户名').fill(ada.name)
  await page.getByLabel('密码', { exact: true }).fill(ada.password)
  await page.getByRole('button', { name: '登录' }).click()
  await expect(page).toHaveURL(new RegExp(`/c/u/${bo.id}$`))
  await expect(composer(page)).toBeVisible()
  // Revoked too early, the socket would never have been there to be closed.
  await expect(rows(page, 'burst 5')).toBeVisible()
  await exchange(page, page, 'from the second device')

  const { sessions } = (await (await ada.api.get('/api/v1/me/sessions')).json()) as {
    sessions: { id: number | string; current: boolean }[]
  }
  const other = sessions.find((session) => !session.current)
  await ada.api.delete(`/api/v1/me/sessions/${other?.id}`, { headers: { Origin: ada.base } })
  await expect(page).toHaveURL(/\/login/)
  await expect(page.getByRole('status').filter({ hasText: '撤销' })).toBeVisible()
  await context.close()
})
