// The way in and out: forms that answer at once, reasons, and nothing left for the next user of the browser.

import { Cluster } from '../cluster'
import { allowTrouble, composer, expect, node, person, PHONE, post, rows, say, test, wake } from '../world'
import { wires } from '../wires'
import type { Page } from '@playwright/test'

const PASSWORD = 'correct horse battery'
let count = 0
const fresh = () => `auth-${Date.now().toString(36)}-${count++}`

/** The log-in page of a new visitor; what the browser says of refused tries is expected. */
async function door(page: Page, at = node(0)): Promise<void> {
  allowTrouble(page, /status of 4\d\d/)
  await page.goto(`${at}/`)
  await expect(page.getByRole('heading', { name: /登录/ })).toBeVisible()
}

async function toRegister(page: Page): Promise<void> {
  await door(page)
  await page.getByRole('link', { name: '注册' }).click()
  await expect(page.getByRole('heading', { name: '创建账号' })).toBeVisible()
}

function posts(page: Page, path: string): string[] {
  const seen: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith(path)) seen.push(request.url())
  })
  return seen
}

const field = (page: Page, name: string) => page.getByLabel(name, { exact: true })
const errorOf = async (page: Page, name: string) => {
  const id = await field(page, name).getAttribute('aria-describedby')
  return id ? page.locator(`[id="${id}"]`).innerText() : ''
}

for (const viewport of [{ width: 1280, height: 800 }, PHONE]) {
  test(`registering tells what is wrong beside each field, and sends once M1 (${viewport.width})`, async ({ browser }) => {
    const context = await browser.newContext({ viewport })
    const page = await context.newPage()
    await toRegister(page)
    const sent = posts(page, '/api/v1/register')
    const button = page.getByRole('button', { name: '注册', exact: true })
    await button.click()
    for (const name of ['用户名', '密码']) {
      await expect(field(page, name)).toHaveAttribute('aria-invalid', 'true')
      expect(await errorOf(page, name)).not.toBe('')
    }
    expect(await errorOf(page, '用户名')).not.toBe(await errorOf(page, '密码'))
    const name = fresh()
    await field(page, '用户名').fill(name)
    await field(page, '密码').fill('12345678')
    expect(await errorOf(page, '密码')).toContain('容易被猜到')
    await field(page, '密码').fill(PASSWORD)
    await expect(page.getByText('不容易被猜到')).toBeVisible()
    await field(page, '再输入一次密码').fill('something else')
    await button.click()
    expect(await errorOf(page, '再输入一次密码')).toContain('不一致')
    expect(sent).toEqual([])
    await field(page, '再输入一次密码').fill(PASSWORD)
    await button.dblclick()
    await expect(page).toHaveURL(/\/$/)
    await expect(page.getByRole('navigation', { name: '主导航' }).last()).toBeVisible()
    expect(sent).toHaveLength(1)

    const other = await (await browser.newContext({ viewport })).newPage()
    await toRegister(other)
    await field(other, '用户名').fill(name)
    await field(other, '昵称（可不填）').fill('Nick')
    await field(other, '密码').fill(PASSWORD)
    await field(other, '再输入一次密码').fill(PASSWORD)
    await other.getByRole('button', { name: '注册', exact: true }).click()
    await expect(field(other, '用户名')).toHaveAttribute('aria-invalid', 'true')
    expect(await errorOf(other, '用户名')).toContain('已被使用')
    await expect(field(other, '昵称（可不填）')).toHaveValue('Nick')
    await expect(field(other, '密码')).toHaveValue(PASSWORD)
    await other.context().close()
    await context.close()
  })
}

test('a wrong password is told in the page, with the field ready for the next try M2', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  const context = await browser.newContext()
  const page = await context.newPage()
  await door(page)
  await expect(field(page, '用户名')).toHaveAttribute('autocomplete', 'username')
  await expect(field(page, '密码')).toHaveAttribute('autocomplete', 'current-password')
  await field(page, '用户名').fill(ada.name)
  await field(page, '密码').fill('wrong password')
  await field(page, '密码').press('Enter')
  await expect(page.getByRole('alert')).toContainText('用户名或密码不对')
  await expect(field(page, '密码')).toBeFocused()
  await expect(field(page, '用户名')).toHaveValue(ada.name)
  await page.getByRole('button', { name: '显示密码' }).click()
  await expect(field(page, '密码')).toHaveAttribute('type', 'text')
  await field(page, '密码').fill(ada.password)
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await expect(page.getByRole('navigation', { name: '主导航' }).first()).toBeVisible()
  await context.close()
  await ada.context.close()
})

test('the card tells which node answers and how many there are', async ({ page }) => {
  await door(page)
  await expect(page.locator('[data-server]')).toHaveText(/已连接 node-\d · 3 个节点在线/)
})

test('too many tries: the wait is told and counts down, the button waits, too M2', async ({ browser }) => {
  const cluster = await Cluster.start({ nodes: 1, set: ['limits.auth_failures=5'] })
  const ada = await person(browser, { at: cluster.at(0), nickname: 'Ada' })
  const page = await (await browser.newContext()).newPage()
  await door(page, cluster.at(0))
  await field(page, '用户名').fill(ada.name)
  const alert = page.getByRole('alert')
  const button = page.getByRole('button', { name: '登录', exact: true })
  for (let n = 0; n < 6; n++) {
    await field(page, '密码').fill(`wrong ${n}`)
    const answered = page.waitForResponse('**/api/v1/login')
    await field(page, '密码').press('Enter')
    await answered
  }
  await expect(alert).toContainText(/请等 \d+ 秒/)
  await expect(button).toBeDisabled()
  const first = Number(/\d+/.exec(await alert.innerText())?.[0])
  await expect.poll(async () => Number(/\d+/.exec(await alert.innerText())?.[0])).toBeLessThan(first)
  await page.context().close()
  await ada.context.close()
  await cluster.close()
})

test('where registration is by invitation, the form asks for the code, and links carry it', async ({ browser }) => {
  const cluster = await Cluster.start({ nodes: 1, set: ['auth.registration=invite'] })
  const at = cluster.at(0)
  const page = await (await browser.newContext()).newPage()
  await door(page, at)
  await page.getByRole('link', { name: '注册' }).click()
  await field(page, '用户名').fill(fresh())
  await field(page, '密码').fill(PASSWORD)
  await field(page, '再输入一次密码').fill(PASSWORD)
  await page.getByRole('button', { name: '注册', exact: true }).click()
  await expect(field(page, '邀请码')).toHaveAttribute('aria-invalid', 'true')
  expect(await errorOf(page, '邀请码')).toContain('邀请注册')
  await field(page, '邀请码').fill('not-a-code')
  await page.getByRole('button', { name: '注册', exact: true }).click()
  await expect.poll(() => errorOf(page, '邀请码')).toContain('无效')
  await page.context().close()
  await cluster.close()
})

test('a revoked session says why; what was unsent waits for its user, and nobody else can read it M4', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  const bo = await person(browser, { at: node(1), nickname: 'Bo' })
  const { page } = ada
  allowTrouble(page, /status of 4\d\d/)
  await page.goto(`/c/u/${bo.id}`)
  await say(page, 'a secret that was sent')
  await expect(rows(page, 'a secret that was sent')).toHaveAttribute('data-state', /sent|read/)
  const wire = await wires(page)
  await page.reload()
  await expect(page.locator('[data-node]').first()).toContainText(/ms/)
  await wire.cut()
  await say(page, 'a secret unsent')
  await expect(rows(page, 'a secret unsent')).toHaveAttribute('data-state', 'pending')

  const other = await browser.newContext({ baseURL: ada.base })
  await other.request.post('/api/v1/login', { data: { name: ada.name, password: ada.password }, headers: { Origin: ada.base } })
  const { sessions } = (await (await other.request.get('/api/v1/me/sessions')).json()) as { sessions: { id: number; current: boolean }[] }
  for (const { id, current } of sessions) {
    if (!current) await other.request.delete(`/api/v1/me/sessions/${id}`, { headers: { Origin: ada.base } })
  }
  wire.restore()
  await wake(page)
  await expect(page).toHaveURL(/\/login/, { timeout: 3_000 })
  await expect(page.getByRole('status').filter({ hasText: /撤销|过期/ })).toBeVisible()

  // Another user of this browser.
  const name = fresh()
  await other.request.post('/api/v1/register', { data: { name, password: PASSWORD }, headers: { Origin: ada.base } })
  await field(page, '用户名').fill(name)
  await field(page, '密码').fill(PASSWORD)
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await expect(page.getByRole('navigation', { name: '主导航' }).first()).toBeVisible()
  expect(await kept(page)).not.toContain('a secret that was sent')
  await expect(page.getByText('a secret unsent')).toHaveCount(0)
  await page.goto('/settings')
  await page.getByRole('button', { name: '退出登录' }).click()
  await expect(page).toHaveURL(/\/login/)

  await field(page, '用户名').fill(ada.name)
  await field(page, '密码').fill(ada.password)
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await bo.page.goto(`/c/u/${ada.id}`)
  await expect(rows(bo.page, 'a secret unsent')).toHaveCount(1)

  await page.goto('/settings')
  await page.getByRole('button', { name: '退出登录' }).click()
  await expect(page.getByRole('status').filter({ hasText: '你已退出登录' })).toBeVisible()
  await expect.poll(() => kept(page)).not.toContain('secret')
  for (const who of [ada, bo]) await who.context.close()
  await other.close()
})

/** Everything in the databases and the storage of the page's origin, as text. */
function kept(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const asked = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
    const found: unknown[] = [{ ...localStorage }]
    for (const { name } of await indexedDB.databases()) {
      const base = await asked(indexedDB.open(name ?? ''))
      for (const store of base.objectStoreNames) found.push(await asked(base.transaction(store).objectStore(store).getAll()))
      base.close()
    }
    return JSON.stringify(found)
  })
}

test('leaving in one tab leaves in the other, with the right reason, and entering enters E18', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  await ada.page.goto('/settings')
  const second = await ada.context.newPage()
  for (const one of [ada.page, second]) allowTrouble(one, /status of 401/)
  await second.goto('/')
  await expect(second.locator('[data-node]')).toContainText(/ms/)
  await ada.page.getByRole('button', { name: '退出登录' }).click()
  await expect(second).toHaveURL(/\/login/)
  await expect(second.getByText('你已退出登录')).toBeVisible()
  await field(second, '用户名').fill(ada.name)
  await field(second, '密码').fill(ada.password)
  await second.getByRole('button', { name: '登录', exact: true }).click()
  await expect(ada.page.getByRole('navigation', { name: '主导航' }).first()).toBeVisible()
  await ada.context.close()
})

test('a lost connection is told, counted down, and tried again at longer and uneven waits M5', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  const { page } = ada
  const wire = await wires(page)
  await page.goto('/')
  await expect(page.locator('[data-node]')).toContainText(/ms/)
  await wire.cut()
  const banner = page.getByRole('status').filter({ hasText: '秒后重连' }).first()
  await expect(banner).toBeVisible({ timeout: 2_000 })
  await expect.poll(() => wire.attempts.length, { timeout: 40_000 }).toBeGreaterThanOrEqual(5)
  const gaps = wire.attempts.slice(1).map((at, n) => at - (wire.attempts[n] ?? 0)).slice(1)
  // The first wait is drawn widely; from then on each is drawn from a higher range.
  expect(gaps.at(-1)).toBeGreaterThan((gaps[0] ?? 0) * 0.9)
  expect(new Set(gaps.map((gap) => Math.round(gap / 10))).size).toBe(gaps.length)
  for (const gap of gaps) expect(gap).toBeLessThan(31_000)
  wire.restore()
  const tries = wire.attempts.length
  await wake(page)
  await expect.poll(() => wire.attempts.length, { timeout: 1_000 }).toBeGreaterThan(tries)
  await expect.poll(() => wire.open).toBe(1)
  await expect(banner).toHaveCount(0, { timeout: 1_000 })

  // The longest first wait: it shall be the click that ends it.
  await page.evaluate(() => (Math.random = () => 0.999))
  await wire.cut()
  await expect(banner).toBeVisible()
  wire.restore()
  const [before, asked] = [wire.attempts.length, performance.now()]
  await page.getByRole('button', { name: '立即重试' }).first().click()
  await expect.poll(() => wire.attempts.length).toBeGreaterThan(before)
  expect((wire.attempts[before] ?? NaN) - asked, 'milliseconds until the next try').toBeLessThan(1_000)
  await expect(banner).toHaveCount(0)
  expect(wire.open).toBe(1)
  await ada.context.close()
})

test('a socket that is open and mute is given up M6', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  const bo = await person(browser, { at: node(1), nickname: 'Bo' })
  const { page } = ada
  const wire = await wires(page)
  await page.goto(`/c/u/${bo.id}`)
  await expect(composer(page)).toBeVisible()
  await expect(page.locator('[data-node]').first()).toContainText(/ms/)
  wire.blackhole()
  await post(bo, `/api/v1/conversations/u:${ada.id}/messages`, { cid: `m6-${Date.now()}`, media: 1, content: 'while mute' })
  await expect(page.getByRole('status').filter({ hasText: /重连/ }).first()).toBeVisible({ timeout: 22_000 })
  wire.restore()
  await expect(rows(page, 'while mute')).toHaveCount(1, { timeout: 15_000 })
  for (const who of [ada, bo]) await who.context.close()
})
