// Without a mouse, with little room, with a screen reader, without motion.

import type { Locator, Page } from '@playwright/test'
import { composer, expect, node, person, post, rows, say, test } from '../world'
import type { Person } from '../world'

/** What the tab key passes, in this order. */
const PARTS = ['rail', 'list', 'header', 'messages', 'composer']
const TABS_MAX = 60

let ada: Person
let bo: Person

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada' })
  bo = await person(browser, { at: node(1), nickname: 'Bo' })
  await post(ada, `/api/v1/conversations/u:${bo.id}/messages`, { cid: 'one', media: 1, content: 'first of all' })
})

test.afterAll(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

async function openChat(): Promise<Page> {
  await ada.page.goto(`/c/u/${bo.id}`)
  await expect(rows(ada.page, 'first of all')).toBeVisible()
  return ada.page
}

/** In which part of the page the focus is, and whether its ring is to be seen. */
function focused(page: Page) {
  return page.evaluate(() => {
    const at = document.activeElement
    if (!(at instanceof HTMLElement) || at === document.body) return null
    const part = at.closest('nav')
      ? 'rail'
      : at.closest('main form')
        ? 'composer'
        : at.closest('main [role=region]')
          ? 'messages'
          : at.closest('main header')
            ? 'header'
            : at.closest('main')
              ? 'main'
              : 'list'
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(at)
    let behind: Element | null = at.parentElement
    while (behind && /^rgba\(0, 0, 0, 0\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement
    const ground = behind ? getComputedStyle(behind).backgroundColor : 'rgb(255, 255, 255)'
    const name = at.getAttribute('aria-label') ?? at.textContent?.trim().slice(0, 40) ?? ''
    return { part, name, ring: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2, outlineColor, ground }
  })
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const value = Number(part) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

for (const theme of ['light', 'dark'] as const) {
  test(`tab goes from rail to list, header, messages and composer, with a visible ring: ${theme} M28`, async () => {
    await ada.page.emulateMedia({ colorScheme: theme })
    const page = await openChat()
    await page.evaluate(() => {
      document.body.tabIndex = -1
      document.body.focus()
      document.body.removeAttribute('tabindex')
    })
    const passed: string[] = []
    for (let tab = 0; tab < TABS_MAX; tab++) {
      await page.keyboard.press('Tab')
      const at = await focused(page)
      if (!at) break
      expect(at.ring, `${at.part}: ${at.name} shows that it has the focus`).toBe(true)
      expect(contrast(at.outlineColor, at.ground), `${at.part}: ${at.name}, ${at.outlineColor} on ${at.ground}`).toBeGreaterThanOrEqual(3)
      if (passed.at(-1) !== at.part) passed.push(at.part)
    }
    expect(passed).toEqual(PARTS)
    await ada.page.emulateMedia({ colorScheme: null })
  })
}

async function focusIsIn(dialog: Locator): Promise<boolean> {
  return dialog.evaluate((box) => box.contains(document.activeElement))
}

test('a dialog keeps the focus and gives it back M28', async () => {
  const page = await openChat()
  const opener = page.getByRole('button', { name: '新建' })
  await opener.focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('menu')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('menu')).toHaveCount(0)
  await expect(opener).toBeFocused()

  await page.keyboard.press('Enter')
  await page.getByRole('menuitem', { name: '创建群组' }).press('Enter')
  const dialog = page.getByRole('dialog')
  await expect(dialog).toBeVisible()
  await expect.poll(() => focusIsIn(dialog)).toBe(true)
  for (let tab = 0; tab < 25; tab++) {
    await page.keyboard.press(tab % 5 === 4 ? 'Shift+Tab' : 'Tab')
    expect(await focusIsIn(dialog), `after tab ${tab + 1}`).toBe(true)
  }
  await page.keyboard.press('Escape')
  await expect(dialog).toHaveCount(0)
  await expect(opener).toBeFocused()
})

test('a message that arrives is announced once, and the list is no live region M28', async () => {
  const page = await openChat()
  await page.evaluate(() => {
    const heard: string[] = []
    Object.assign(window, { heard })
    const live = [...document.querySelectorAll('[aria-live], [role=status], [role=log], [role=alert]')]
    for (const region of live) {
      new MutationObserver(() => {
        if (region.textContent?.includes('for your ears')) heard.push(region.textContent.trim())
      }).observe(region, { childList: true, characterData: true, subtree: true })
    }
  })
  await bo.page.goto(`/c/u/${ada.id}`)
  await say(bo.page, 'for your ears')
  await expect(rows(page, 'for your ears')).toBeVisible()
  await expect.poll(() => page.evaluate(() => (window as unknown as { heard: string[] }).heard)).toEqual(['Bo：for your ears'])
  const history = page.getByRole('region', { name: '消息记录' })
  expect(await history.evaluate((box) => box.closest('[aria-live], [role=log]') ?? box.querySelector('[aria-live], [role=log]'))).toBeNull()
})

test('who wants no motion gets none M28', async ({ browser }) => {
  const page = await (await browser.newContext({ baseURL: ada.base, storageState: await ada.context.storageState(), reducedMotion: 'reduce' })).newPage()
  await page.goto(`/c/u/${bo.id}`)
  await expect(rows(page, 'first of all')).toBeVisible()
  await page.evaluate(() => {
    const moving: string[] = []
    Object.assign(window, { moving })
    const look = () => {
      for (const animation of document.getAnimations()) {
        const { duration } = animation.effect?.getComputedTiming() ?? {}
        const target = (animation.effect as KeyframeEffect | null)?.target
        if (Number(duration) > 10) moving.push(`${target?.className ?? ''} ${String(duration)}`)
      }
      requestAnimationFrame(look)
    }
    look()
  })
  await say(page, 'stands still')
  await expect(rows(page, 'stands still')).toBeVisible()
  await page.getByRole('button', { name: '新建' }).click()
  await page.getByRole('menuitem', { name: '添加好友' }).click()
  await expect(page.getByRole('dialog')).toBeVisible()
  await page.keyboard.press('Escape')
  expect(await page.evaluate(() => (window as unknown as { moving: string[] }).moving)).toEqual([])
  await page.context().close()
})

const SMALL = [
  { name: '320 px wide', viewport: { width: 320, height: 640 } },
  // What is left of 1280 × 800 at 200 %, and of a phone.
  { name: '200 % of a desktop', viewport: { width: 640, height: 400 } },
]
for (const { name, viewport } of SMALL) {
  test(`everything is in reach at ${name} M28`, async ({ browser }) => {
    const context = await browser.newContext({ baseURL: ada.base, storageState: await ada.context.storageState(), viewport })
    const page = await context.newPage()
    for (const path of ['/', `/c/u/${bo.id}`, '/contacts', `/contacts/${bo.id}`, '/groups', '/cluster', '/settings']) {
      await page.goto(path)
      await expect(page.getByRole('main').first()).toBeVisible()
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect(over, path).toBeLessThanOrEqual(0)
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll('button, a[href], input, textarea')].flatMap((part) => {
          const { left, right, width } = part.getBoundingClientRect()
          return width > 0 && (left < -1 || right > innerWidth + 1) ? [`${part.outerHTML.slice(0, 120)} ${left}–${right}`] : []
        }),
      )
      expect(cut, `beyond the edge at ${path}`).toEqual([])
    }
    await page.goto(`/c/u/${bo.id}`)
    await say(page, `from ${name}`)
    await expect(rows(page, `from ${name}`)).toBeInViewport()
    await expect(composer(page)).toBeInViewport({ ratio: 1 })
    await context.close()
  })
}
