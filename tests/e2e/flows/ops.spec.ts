// What admins see and do; and that others see nothing of it. Nodes of its own: one account must be made an admin.

import { Cluster } from '../cluster'
import { allowTrouble, expect, expectNoOverflow, person, PHONE, post, test } from '../world'
import type { Person } from '../world'
import type { Page } from '@playwright/test'

let cluster: Cluster
let boss: Person
let bo: Person

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  cluster = await Cluster.start({ nodes: 2 })
  // The first account of a deployment is an admin.
  boss = await person(browser, { at: cluster.at(0), nickname: 'Boss' })
  bo = await person(browser, { at: cluster.at(1), nickname: 'Bo' })
})

test.afterAll(async () => {
  await boss?.context.close()
  await bo?.context.close()
  await cluster?.close()
})

const part = (page: Page, name: string) => page.getByRole('tab', { name }).click()
const value = (page: Page, name: string) => page.locator(`[data-figure="${name}"] [data-value]`)

test('nobody else is shown the page or its data E17', async () => {
  const { page } = bo
  await page.goto('/settings')
  await expect(page.getByRole('heading', { name: '设置' })).toBeVisible()
  await expect(page.getByRole('link', { name: '运维' })).toHaveCount(0)
  await page.goto('/admin')
  await expect(page).toHaveURL(/\/$/)
  for (const path of ['users', 'audit']) expect((await bo.api.get(`/api/v1/admin/${path}`)).status()).toBe(403)
})

test('the figures move within two looks E17', async () => {
  const { page } = boss
  await page.goto('/settings')
  await page.getByRole('link', { name: '运维' }).click()
  await expect(value(page, '连接')).toHaveText('1')
  await expect(page.locator('[data-spark] canvas').first()).toBeVisible()
  const before = await value(page, '已答请求').innerText()
  for (let n = 0; n < 20; n++) {
    await post(boss, `/api/v1/conversations/u:${bo.id}/messages`, { cid: `o-${Date.now()}-${n}`, media: 1, content: 'hi' })
  }
  await expect(value(page, '写入的消息')).not.toHaveText('0', { timeout: 5_000 })
  await expect(value(page, '送达耗时 p95')).toHaveText(/\d/)
  await expect(value(page, '送达耗时 p50')).toHaveText(/\d/)
  await expect(value(page, '已答请求')).not.toHaveText(before)
  // A refusal is told where refusals are told.
  await boss.api.get('/api/v1/users/999999')
  await expect(page.locator('[data-errors]')).toContainText('not_found', { timeout: 5_000 })
})

test('an account is found, kicked, disabled and enabled; its page says why E17 M4', async () => {
  const { page } = boss
  const picture = '/asset/packs/birds/hello.svg'
  const changed = await bo.api.patch('/api/v1/me', { data: { avatar: boss.base + picture }, headers: { Origin: bo.base } })
  expect(changed.status(), await changed.text()).toBe(200)
  await bo.page.goto('/')
  await expect(bo.page.locator('[data-node]')).toContainText(/ms/)
  await part(page, '用户')
  await page.getByRole('searchbox', { name: /搜索用户名/ }).fill(bo.name)
  const row = page.locator(`[data-user="${bo.id}"]`)
  await expect(row).toBeVisible()
  await expect(page.locator('[data-user]')).toHaveCount(1)
  await expect(row.locator('img')).toHaveAttribute('src', picture)

  await row.getByRole('button', { name: /踢下线/ }).click()
  allowTrouble(bo.page, /401/)
  await row.getByRole('button', { name: '确定' }).click()
  await expect(bo.page).toHaveURL(/\/login/, { timeout: 3_000 })
  await expect(bo.page.getByRole('status').filter({ hasText: '撤销' })).toBeVisible()
  await expect(row.getByText('已停用')).toHaveCount(0)
  const entry = await bo.context.request.post('/api/v1/login', { data: { name: bo.name, password: bo.password }, headers: { Origin: bo.base } })
  expect(entry.status(), 'who was kicked may come back').toBe(200)

  await row.getByRole('button', { name: /^停用/ }).click()
  await row.getByRole('button', { name: '确定' }).click()
  await expect(row.getByText('已停用')).toBeVisible()
  const shut = await boss.context.request.post('/api/v1/login', { data: { name: bo.name, password: bo.password }, headers: { Origin: boss.base } })
  expect(shut.status()).toBeGreaterThanOrEqual(400)
  await row.getByRole('button', { name: /启用/ }).click()
  await expect(row.getByText('已停用')).toHaveCount(0)
})

test('roles are given and taken, a password is reset E17', async () => {
  const { page } = boss
  const row = page.locator(`[data-user="${bo.id}"]`)
  await row.getByRole('button', { name: /设为管理员/ }).click()
  await row.getByRole('button', { name: '确定' }).click()
  await expect(row.getByText('管理员', { exact: true })).toBeVisible()
  await row.getByRole('button', { name: /取消管理员/ }).click()
  await row.getByRole('button', { name: '确定' }).click()
  await expect(row.getByText('管理员', { exact: true })).toHaveCount(0)

  await row.getByRole('button', { name: /重置密码/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('新密码', { exact: true }).fill('another good one')
  await dialog.getByRole('button', { name: '重置', exact: true }).click()
  await expect(dialog).toHaveCount(0)
  const fresh = await bo.context.request.post('/api/v1/login', { data: { name: bo.name, password: 'another good one' }, headers: { Origin: bo.base } })
  expect(fresh.status()).toBe(200)
})

test('an invitation is made, shown once, and revoked E17', async () => {
  const { page } = boss
  await part(page, '邀请注册')
  await page.getByRole('radiogroup', { name: '可用次数' }).getByText('5', { exact: true }).click()
  await page.getByRole('button', { name: '生成邀请' }).click()
  await expect(page.locator('[data-invite]')).toHaveText(/\/register\?invite=.+/)
  await expect(page.getByText('已用 0 / 5 次')).toBeVisible()
  await page.getByRole('button', { name: '撤销' }).click()
  await expect(page.getByText('已用 0 / 5 次')).toHaveCount(0)
})

test('a notice reaches everybody, and every deed left a trace E17', async () => {
  const { page } = boss
  await bo.page.goto('/')
  await part(page, '公告')
  await page.getByRole('textbox', { name: '公告内容' }).fill('今晚 22 点升级')
  await page.getByRole('button', { name: '发布公告' }).click()
  await page.getByRole('button', { name: '确定' }).click()
  await expect(page.getByText('公告已发布')).toBeVisible()
  await expect(bo.page.locator(`[data-conv="u:${bo.id}"]`)).toContainText('今晚 22 点升级')

  await part(page, '审计')
  for (const action of ['notice_sent', 'invite_made', 'invite_revoked', 'password_reset', 'user_promoted', 'user_demoted', 'user_disabled', 'user_enabled']) {
    await expect(page.locator(`[data-action="${action}"]`).first()).toBeVisible()
  }
})

test('groups are found; the page fits a phone E17', async () => {
  const { page } = boss
  await post(boss, '/api/v1/groups', { name: '值班群 Duty' })
  await part(page, '群组')
  await page.getByRole('searchbox', { name: /搜索群组/ }).fill('值班群')
  await expect(page.getByText('值班群 Duty')).toBeVisible()
  await page.setViewportSize(PHONE)
  for (const name of ['概况', '用户', '邀请注册', '公告', '审计']) {
    await part(page, name)
    await expectNoOverflow(page)
  }
})
