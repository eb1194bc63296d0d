// What becomes of a message between the Enter of who writes it and the screen of who reads it, on wires of every kind.

import type { Page } from '@playwright/test'
import { disturbance } from '../perf/measure'
import { allowTrouble, composer, expect, node, person, PHONE, rows, say, SIZES, stored, test, write } from '../world'
import type { Person } from '../world'
import { wires } from '../wires'

const OWN_MS = 50
const DELAY_MS = 2_000
/** So few that all of them are in view on a phone: the list shows no others. */
const BATCH = 12

let ada: Person
let bo: Person

test.afterEach(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

const texts = (page: Page) => page.locator('article[data-mid] [data-bubble]').allInnerTexts()

/** The words with a number that the page shows, in its order. */
async function numbered(page: Page, word: string): Promise<string[]> {
  return (await texts(page)).flatMap((text) => new RegExp(`${word} \\d+\\.`).exec(text)?.[0] ?? [])
}

/** When Enter was pressed, and when the page had a row with this text. */
async function watchRow(page: Page, text: string): Promise<() => Promise<number>> {
  await page.evaluate((wanted) => {
    const seen = { pressed: NaN, shown: NaN }
    Object.assign(window, { seen })
    addEventListener('keydown', ({ key, timeStamp }) => (seen.pressed = key === 'Enter' ? timeStamp : seen.pressed), { capture: true })
    new MutationObserver((_, observer) => {
      const row = [...document.querySelectorAll('article[data-state=pending]')].find(({ textContent }) => textContent?.includes(wanted))
      if (!row) return
      observer.disconnect()
      seen.shown = performance.now()
    }).observe(document.body, { childList: true, subtree: true })
  }, text)
  return () =>
    page.evaluate(() => {
      const { seen } = window as unknown as { seen: { pressed: number; shown: number } }
      return seen.shown - seen.pressed
    })
}

for (const { name, viewport } of SIZES) {
  test(`what is written stands there at once, and becomes sent in its place: ${name} M8`, async ({ browser }) => {
    ada = await person(browser, { at: node(0), nickname: 'Ada', viewport })
    bo = await person(browser, { at: node(1), nickname: 'Bo', viewport })
    const { page } = ada
    const wire = await wires(page)
    for (const n of [1, 2, 3]) await write(bo, `u:${ada.id}`, `before ${n}`)
    await page.goto(`/c/u/${bo.id}`)
    await expect(rows(page, 'before 3')).toBeVisible()
    await expect.poll(() => wire.open).toBe(1)
    const disturbed = disturbance()
    const took = await watchRow(page, 'slowly')
    wire.delay(DELAY_MS)
    await say(page, 'slowly')
    const row = rows(page, 'slowly')
    await expect(row).toHaveAttribute('data-state', 'pending')
    await expect(composer(page)).toHaveValue('')
    await expect(composer(page)).toBeFocused()
    expect(await took()).toBeLessThanOrEqual(OWN_MS * Math.max(disturbed, disturbance()))

    const before = await row.elementHandle()
    const place = async () => ({ index: (await texts(page)).findIndex((text) => text.includes('slowly')), box: await row.boundingBox() })
    // The bubble slides in for a moment.
    await page.waitForTimeout(400)
    const pending = await place()
    expect(pending.index).toBe(3)
    await expect(row).toHaveAttribute('data-state', 'sent')
    expect(await before?.evaluate((one: Element) => one.isConnected && one instanceof HTMLElement && one.dataset.state)).toBe('sent')
    expect(await place()).toEqual(pending)
    await bo.page.goto(`/c/u/${ada.id}`)
    await expect(rows(bo.page, 'slowly')).toHaveCount(1)
  })

  test(`what the server refuses says so, and can be sent again: ${name} M8`, async ({ browser }) => {
    ada = await person(browser, { at: node(0), nickname: 'Ada', viewport })
    bo = await person(browser, { at: node(1), nickname: 'Bo', viewport })
    const { page } = ada
    await page.goto(`/c/u/${bo.id}`)
    await bo.page.goto(`/c/u/${ada.id}`)
    const block = (method: 'PUT' | 'DELETE') => bo.api.fetch(`/api/v1/blocks/${ada.id}`, { method, headers: { Origin: bo.base } })
    expect((await block('PUT')).ok()).toBe(true)
    await say(page, 'let me in')
    const row = rows(page, 'let me in')
    await expect(row).toHaveAttribute('data-state', 'failed')
    await expect(row.getByRole('alert')).toContainText('对方不接收你的消息')
    await page.reload()
    await expect(row).toHaveAttribute('data-state', 'failed')
    expect((await block('DELETE')).ok()).toBe(true)
    await row.getByRole('button', { name: '重试' }).click()
    await expect(row).toHaveAttribute('data-state', /^(sent|read)$/)
    await expect(row).toHaveCount(1)
    await expect(rows(bo.page, 'let me in')).toHaveCount(1)
    expect(await stored(bo, `u:${ada.id}`)).toEqual(['let me in'])
  })

  for (const way of ['double', 'shuffle'] as const) {
    test(`frames that come ${way === 'double' ? 'twice' : 'in another order'} change nothing: ${name} M9`, async ({ browser }) => {
      ada = await person(browser, { at: node(0), nickname: 'Ada' })
      bo = await person(browser, { at: node(1), nickname: 'Bo', viewport })
      const { page } = bo
      const wire = await wires(page)
      const conv = `u:${bo.id}`
      await write(ada, conv, 'the first')
      await page.goto('/')
      const item = page.locator(`[data-conv="u:${ada.id}"]`)
      await expect(item).toHaveAccessibleName(/1 条未读/)
      await expect.poll(() => wire.open).toBe(1)
      wire[way]()
      for (let n = 1; n <= BATCH; n++) await write(ada, conv, `away ${n}.`)
      await expect(item).toContainText(`away ${BATCH}.`)
      await expect(item).toHaveAccessibleName(new RegExp(` ${BATCH + 1} 条未读`))
      // What was held back for mixing has come by then.
      await page.waitForTimeout(500)
      await expect(item).toHaveAccessibleName(new RegExp(` ${BATCH + 1} 条未读`))
      await item.click()
      await expect(rows(page, `away ${BATCH}.`)).toHaveCount(1)
      for (let n = 1; n <= BATCH; n++) await write(ada, conv, `open ${n}.`)
      const order = (await stored(bo, `u:${ada.id}`)).filter((text) => text.startsWith('open'))
      expect(order).toHaveLength(BATCH)
      await expect.poll(() => numbered(page, 'open')).toEqual(order)
      await page.waitForTimeout(500)
      expect(await numbered(page, 'open')).toEqual(order)
      if (viewport === PHONE) await page.getByRole('button', { name: '返回' }).click()
      await expect(item).toBeVisible()
      await expect(item).not.toHaveAccessibleName(/未读/)
    })
  }

  test(`what is written without a connection outlives a reload, and goes once and in order: ${name} M10`, async ({ browser }) => {
    ada = await person(browser, { at: node(0), nickname: 'Ada', viewport })
    bo = await person(browser, { at: node(1), nickname: 'Bo', viewport })
    const { page } = ada
    allowTrouble(page, /WebSocket/)
    const wire = await wires(page)
    await page.goto(`/c/u/${bo.id}`)
    await bo.page.goto(`/c/u/${ada.id}`)
    await expect(composer(page)).toBeVisible()
    await wire.cut()
    await expect(page.getByRole('status').filter({ hasText: '重连' }).first()).toBeVisible()
    const kept = [1, 2, 3, 4, 5].map((n) => `dark ${n}.`)
    for (const text of [...kept.slice(0, 3), 'regretted', ...kept.slice(3)]) await say(page, text)
    const pending = page.locator('article[data-state=pending]')
    await expect(pending).toHaveCount(6)
    await page.reload()
    await expect(pending).toHaveCount(6)
    await rows(page, 'regretted').locator('[data-bubble]').click({ button: 'right' })
    await page.getByRole('menuitem', { name: '删除' }).click()
    await expect(pending).toHaveCount(5)
    await page.reload()
    await expect(pending).toHaveCount(5)
    expect(await numbered(page, 'dark')).toEqual(kept)
    expect(await stored(bo, `u:${ada.id}`)).toEqual([])

    wire.restore()
    // The page may come back by itself before anybody can press the button.
    const sent = expect(page.locator('article[data-state=sent], article[data-state=read]')).toHaveCount(5)
    await Promise.race([page.getByRole('button', { name: '立即重试' }).first().click(), sent])
    await sent
    await expect(rows(bo.page, 'dark')).toHaveCount(5)
    expect(await numbered(bo.page, 'dark')).toEqual(kept)
    expect(await numbered(page, 'dark')).toEqual(kept)
    expect(await stored(bo, `u:${ada.id}`)).toEqual(kept)
  })
}
