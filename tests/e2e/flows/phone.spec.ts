// On a phone: pages one above the other, fingers instead of a mouse, a keyboard that takes half of the room.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Cluster } from '../cluster'
import { sample } from '../sample'
import type { Sample } from '../sample'
import { choose, SCENES, texts } from '../scenes'
import { tooSmall } from '../touch'
import { composer, expect, expectNoOverflow, PHONE, rows, say, test } from '../world'

const KEYBOARD_UP = { width: PHONE.width, height: 360 }
const APP = path.resolve(__dirname, '../../../asset/app/assets')

let cluster: Cluster
let world: Sample

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000)
  cluster = await Cluster.start({ nodes: 3 })
  world = await sample(browser, [cluster.at(0)])
  await cluster.promote(world.me.name)
})

test.afterAll(async () => {
  await world?.close()
  await cluster?.close()
})

const PHONE_OPTIONS = { viewport: PHONE, isMobile: true, hasTouch: true, reducedMotion: 'reduce' as const, permissions: ['microphone'] }

test('everything that can be touched is large enough, and nothing is wider than the screen M26', async ({ browser }) => {
  test.setTimeout(300_000)
  const inside = await world.open(browser, PHONE_OPTIONS)
  const outside = await (await browser.newContext({ baseURL: cluster.at(0), ...PHONE_OPTIONS })).newPage()
  for (const page of [inside, outside]) await choose(page, 'zh-CN', 'light')
  for (const scene of SCENES) {
    if (scene.only === 'desk') continue
    const page = scene.outside === true ? outside : inside
    await test.step(scene.name, async () => {
      await scene.go({ page, sample: world, phone: true, t: texts('zh-CN') })
      await expectNoOverflow(page)
      expect.soft(await tooSmall(page), scene.name).toEqual([])
    })
  }
  await inside.context().close()
  await outside.context().close()
})

test('a conversation covers the list, and going back finds it where it was M26', async ({ browser }) => {
  const page = await world.open(browser, { ...PHONE_OPTIONS, viewport: { width: 375, height: 480 } })
  await page.goto('/')
  const row = page.locator(`[data-conv="u:${world.friends[6]?.id ?? 0}"]`)
  await expect(row).toBeVisible()
  const tabs = page.getByRole('navigation', { name: '主导航' })
  await expect(tabs.getByRole('link')).toHaveText([/消息/, /通讯录/, /群组/, /我/])
  const scroller = row.locator('xpath=ancestor::*[contains(@class, "overflow-y-auto")][1]')
  await row.scrollIntoViewIfNeeded()
  const before = await scroller.evaluate((box) => box.scrollTop)
  expect(before).toBeGreaterThan(0)
  await row.tap()
  await expect(composer(page)).toBeVisible()
  await expect(tabs).toBeHidden()
  await page.goBack()
  await expect(row).toBeInViewport()
  await expect.poll(() => scroller.evaluate((box) => box.scrollTop)).toBe(before)
  await expect(tabs).toBeVisible()
  await page.context().close()
})

test('the keyboard hides neither the composer nor the last message M26', async ({ browser }) => {
  const page = await world.open(browser, PHONE_OPTIONS)
  await page.goto(`/c/g/${world.group}`)
  await say(page, 'the last one')
  await expect(rows(page, 'the last one')).toBeInViewport({ ratio: 1 })
  await composer(page).focus()
  await page.setViewportSize(KEYBOARD_UP)
  await expect(composer(page)).toBeInViewport({ ratio: 1 })
  await expect(rows(page, 'the last one')).toBeInViewport({ ratio: 1 })
  await expectNoOverflow(page)
  const content = await page.locator('meta[name=viewport]').getAttribute('content')
  expect(content).toContain('viewport-fit=cover')
  expect(content).toContain('interactive-widget=resizes-content')
  expect(content).not.toMatch(/user-scalable|maximum-scale/)
  const styles = readdirSync(APP).filter((file) => file.endsWith('.css')).map((file) => readFileSync(path.join(APP, file), 'utf8')).join()
  expect(styles).toContain('100dvh')
  expect(styles).not.toMatch(/[^d]100vh/)
  await page.context().close()
})
