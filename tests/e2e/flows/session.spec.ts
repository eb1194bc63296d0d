// A page that is opened again is where it was, and never shows a log-in form to who is logged in.

import type { Page } from '@playwright/test'
import { DESK, exchange, expect, node, person, PHONE, post, rows, test } from '../world'
import type { Person } from '../world'

const LINES = 60
const SIZES = [
  { name: 'desktop', viewport: DESK },
  { name: 'phone', viewport: PHONE },
]

let ada: Person
let group: number

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada' })
  group = ((await post(ada, '/api/v1/groups', { name: 'Birds' })) as { id: number }).id
  for (let n = 1; n <= LINES; n++) {
    await post(ada, `/api/v1/conversations/g:${group}/messages`, { cid: `line-${n}`, media: 1, content: `line ${n}.` })
  }
})

test.afterAll(async () => {
  await ada?.context.close()
})

/** Counts the frames that show a log-in form, from the first one on. */
async function watchForms(page: Page): Promise<() => Promise<{ frames: number; forms: number }>> {
  await page.addInitScript(() => {
    const watch = { frames: 0, forms: 0 }
    Object.assign(window, { watch })
    const look = () => {
      watch.frames++
      if (document.querySelector('input[type=password]')) watch.forms++
      requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
  return () => page.evaluate(() => ({ ...(window as unknown as { watch: { frames: number; forms: number } }).watch }))
}

for (const { name, viewport } of SIZES) {
  test(`a reload leads to the same conversation, at its end, without a log-in form: ${name} M3`, async ({ browser }) => {
    const context = await browser.newContext({ baseURL: ada.base, viewport, storageState: await ada.context.storageState() })
    const page = await context.newPage()
    const look = await watchForms(page)
    for (const way of ['opened', 'reloaded']) {
      if (way === 'opened') await page.goto(`/c/g/${group}`)
      else await page.reload()
      await expect(page.getByRole('heading', { name: 'Birds' }).first()).toBeVisible()
      await expect(rows(page, `line ${LINES}.`)).toBeInViewport()
      await expect(page).toHaveURL(new RegExp(`/c/g/${group}$`))
      const gap = () => page.getByRole('region', { name: '消息记录' }).evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)
      await expect.poll(gap).toBeLessThanOrEqual(2)
      const { frames, forms } = await look()
      expect(frames).toBeGreaterThan(0)
      expect(forms, `${way}: frames with a log-in form`).toBe(0)
    }
    await context.close()
  })

  test(`a link opened while logged out leads there after the log-in: ${name} M3`, async ({ browser }) => {
    const context = await browser.newContext({ baseURL: ada.base, viewport })
    const page = await context.newPage()
    await page.goto(`/c/g/${group}`)
    await page.getByLabel('用户名').fill(ada.name)
    await page.getByLabel('密码', { exact: true }).fill(ada.password)
    await page.getByRole('button', { name: '登录' }).click()
    await expect(page).toHaveURL(new RegExp(`/c/g/${group}$`))
    await expect(rows(page, `line ${LINES}.`)).toBeVisible()
    await exchange(page, page, `from the ${name}`)
    await context.close()
  })
}

for (const [path, title] of [['/login', '登录 Starling'], ['/register', '创建账号']] as const) {
  test(`${path} can be opened and reloaded M3`, async ({ browser }) => {
    const context = await browser.newContext({ baseURL: ada.base })
    const page = await context.newPage()
    await page.goto(path)
    await expect(page.getByRole('heading', { name: title })).toBeVisible()
    await page.reload()
    await expect(page.getByRole('heading', { name: title })).toBeVisible()
    await context.close()
  })
}
