// Every pane while it loads, when there is nothing, and when loading fails.

import type { Page } from '@playwright/test'
import { allowTrouble, expect, node, person, test } from '../world'
import type { Person } from '../world'

interface Pane {
  name: string
  path: string
  /** What it asks for. */
  api: RegExp
  /** What it says when there is nothing; what it has then to go on with. */
  empty?: { text: string; action: RegExp }
}

let ada: Person
let bo: Person

const PANES: Pane[] = [
  { name: 'conversations', path: '/', api: /\/api\/v1\/conversations$/, empty: { text: '还没有会话', action: /新建|添加好友/ } },
  { name: 'messages', path: '/c/u/PEER', api: /\/entries/ },
  { name: 'contacts', path: '/contacts', api: /\/api\/v1\/friends$/, empty: { text: '好友', action: /添加好友/ } },
  { name: 'groups', path: '/groups', api: /\/api\/v1\/groups$/, empty: { text: '群', action: /创建群组|加入群组/ } },
  { name: 'cluster', path: '/cluster', api: /\/api\/v1\/cluster$/ },
]

test.beforeEach(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada' })
  bo = await person(browser, { at: node(0), nickname: 'Bo' })
})

test.afterEach(async () => {
  await ada.context.close()
  await bo.context.close()
})

const bones = (page: Page) => page.locator('.bone:visible')

for (const { name, path, api, empty } of PANES) {
  test(`${name}: a skeleton while loading, an error with a way on, then what was asked for M32`, async () => {
    const { page } = ada
    allowTrouble(page, /\b503\b/)
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let answer: 'wait' | 'fail' | 'pass' = 'wait'
    let asked = 0
    await page.route(api, async (route) => {
      asked++
      if (route.request().method() !== 'GET' || answer === 'pass') return route.fallback()
      if (answer === 'wait') await held
      await route.fulfill({ status: 503, json: { error: 'unavailable', message: 'not now' } }).catch(() => undefined)
    })
    await page.goto(path.replace('PEER', String(bo.id)))
    await expect(bones(page).first(), 'a skeleton').toBeVisible()
    answer = 'fail'
    release()
    const retry = page.getByRole('button', { name: '重试' }).filter({ visible: true }).first()
    await expect(retry).toBeVisible()
    await expect(bones(page)).toHaveCount(0)
    const before = asked
    await retry.click()
    await expect.poll(() => asked, 'asks again').toBeGreaterThan(before)
    answer = 'pass'
    // The page may have found out by itself meanwhile.
    await expect(async () => {
      if (await retry.isVisible()) await retry.click({ timeout: 1_000 })
      await expect(retry).toBeHidden({ timeout: 1_000 })
    }).toPass()
    if (!empty) return
    await expect(page.getByText(empty.text).filter({ visible: true }).first()).toBeVisible()
    await expect(page.getByRole('button', { name: empty.action }).filter({ visible: true }).first()).toBeVisible()
  })
}
