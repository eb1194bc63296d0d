// Where the reader is, what he is told of what he has not seen, and when something counts as read.

import type { Page } from '@playwright/test'
import { below, composer, expect, history, node, person, rows, say, SIZES, test, write } from '../world'
import type { Person } from '../world'

const LINES = 40
const UNREAD = 8
/** Long enough for "read" to have been said. */
const REST_MS = 1_500

let ada: Person
let bo: Person

test.afterEach(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

const line = (n: number) => `line ${n}. ${'and so on '.repeat((n * 7) % 30)}`
const pill = (page: Page) => page.getByRole('button', { name: /回到(底部|最新消息)/ })
const divider = (page: Page) => history(page).getByText('以下为新消息')
const atEnd = (page: Page) => expect.poll(() => below(page)).toBeLessThanOrEqual(2)

async function unreadOf(who: Person, from: Person): Promise<number> {
  const answer = await who.api.get('/api/v1/conversations')
  const { conversations } = (await answer.json()) as { conversations: { conv: string; unread: number }[] }
  return conversations.find(({ conv }) => conv === `u:${from.id}`)?.unread ?? 0
}

/** How often the page has said that something was read. */
function readsOf(page: Page): () => number {
  let reads = 0
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => (reads += String(payload).includes('"type":"read"') ? 1 : 0)))
  return () => reads
}

async function scrollUp(page: Page, pixels: number): Promise<void> {
  await history(page).evaluate((box, by) => box.scrollBy(0, -by), pixels)
  await expect(pill(page)).toBeVisible()
  await page.waitForTimeout(200)
}

/** Where the page has scrolled to, and what is where. */
const view = (page: Page) =>
  history(page).evaluate((box) => {
    const shown = [...box.querySelectorAll<HTMLElement>('article[data-mid]')].map((row) => ({ mid: row.dataset.mid, y: row.getBoundingClientRect().y }))
    return { top: box.scrollTop, shown: shown.filter(({ y }) => y > 100 && y < 600) }
  })

/** What another tab in front does to a page. */
async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden ? 'hidden' : 'visible')
}

for (const { name, viewport } of SIZES) {
  const meet = async (browser: Parameters<typeof person>[0], lines: number) => {
    ada = await person(browser, { at: node(0), nickname: 'Ada', viewport })
    bo = await person(browser, { at: node(1), nickname: 'Bo' })
    for (let n = 1; n <= lines; n++) await write(bo, `u:${ada.id}`, line(n))
    await ada.page.goto(`/c/u/${bo.id}`)
    await expect(rows(ada.page, `line ${lines}.`)).toBeVisible()
    await atEnd(ada.page)
  }

  test(`who is at the end stays there, who is above stays there and is told: ${name} M13`, async ({ browser }) => {
    await meet(browser, LINES)
    const { page } = ada
    const conv = `u:${ada.id}`
    for (const n of [1, 2]) {
      await write(bo, conv, `at the end ${n} ${'and so on '.repeat(20)}`)
      await expect(rows(page, `at the end ${n}`)).toBeInViewport()
      await atEnd(page)
    }
    await expect(pill(page)).toHaveCount(0)
    await expect.poll(() => unreadOf(ada, bo)).toBe(0)

    await scrollUp(page, 500)
    const before = await view(page)
    expect(before.shown.length).toBeGreaterThan(1)
    for (const n of [1, 2, 3]) await write(bo, conv, `further down ${n}`)
    await expect(pill(page)).toHaveAccessibleName('3 条新消息，回到底部')
    await expect(pill(page)).toHaveText('3')
    expect(await view(page)).toEqual(before)
    await pill(page).click()
    await expect(rows(page, 'further down 3')).toBeInViewport()
    await atEnd(page)
    await expect(pill(page)).toHaveCount(0)

    await scrollUp(page, 500)
    await say(page, 'my own')
    await expect(rows(page, 'my own')).toBeInViewport()
    await atEnd(page)
    await expect(pill(page)).toHaveCount(0)
  })

  test(`a line stands before the first unread message, and the view begins there: ${name} M15`, async ({ browser }) => {
    await meet(browser, LINES)
    const { page } = ada
    await expect.poll(() => unreadOf(ada, bo)).toBe(0)
    await expect(divider(page)).toHaveCount(0)
    const arrive = async (word: string) => {
      await page.goto('/')
      // Together higher than the screen: where the view begins can be told from where it ends.
      for (let n = 1; n <= UNREAD; n++) await write(bo, `u:${ada.id}`, `${word} ${n}. ${'and so on '.repeat(40)}`)
      const item = page.locator(`[data-conv="u:${bo.id}"]`)
      await expect(item).toHaveAccessibleName(new RegExp(`${UNREAD} 条未读`))
      await item.click()
      await expect(divider(page)).toBeInViewport()
    }

    await arrive('fresh')
    // In the order of the page: the last message before the line, the line, the first one after it.
    const order = await history(page).evaluate((box) =>
      [...box.querySelectorAll('p, article[data-mid]')].flatMap(({ textContent }) => /以下为新消息|(line|fresh) \d+\./.exec(textContent ?? '')?.[0] ?? []),
    )
    const at = order.indexOf('以下为新消息')
    expect(order.slice(at - 1, at + 2)).toEqual([`line ${LINES}.`, '以下为新消息', 'fresh 1.'])
    const distance = async () => ((await divider(page).boundingBox())?.y ?? NaN) - ((await history(page).boundingBox())?.y ?? NaN)
    expect(await distance()).toBeGreaterThanOrEqual(0)
    expect(await distance()).toBeLessThan(120)
    expect(await below(page)).toBeGreaterThan(0)
    await expect(pill(page)).toHaveAccessibleName(`${UNREAD} 条新消息，回到底部`)

    await say(page, 'my own')
    await expect(rows(page, 'my own')).toBeInViewport()
    await expect(async () => {
      await history(page).evaluate((box) => box.scrollBy(0, -100))
      await expect(rows(page, 'fresh 1.')).toBeInViewport({ timeout: 100 })
    }).toPass()
    await expect(divider(page)).toHaveCount(0)

    await arrive('later')
    await pill(page).click()
    await atEnd(page)
    await expect.poll(() => unreadOf(ada, bo)).toBe(0)
    await page.getByRole('link', { name: '通讯录' }).filter({ visible: true }).or(page.getByRole('button', { name: '返回' })).first().click()
    await expect(composer(page)).toHaveCount(0)
    await page.goBack()
    await expect(rows(page, `later ${UNREAD}.`)).toBeInViewport()
    await expect(divider(page)).toHaveCount(0)
  })

  test(`only what could be seen was read, and it is said once: ${name} M16`, async ({ browser }) => {
    ada = await person(browser, { at: node(0), nickname: 'Ada', viewport })
    bo = await person(browser, { at: node(1), nickname: 'Bo' })
    const { page } = ada
    const reads = readsOf(page)
    const conv = `u:${ada.id}`
    for (let n = 1; n <= LINES; n++) await write(bo, conv, line(n))
    await page.goto(`/c/u/${bo.id}`)
    await expect.poll(() => unreadOf(ada, bo)).toBe(0)
    expect(reads()).toBe(1)

    await hide(page, true)
    for (const n of [1, 2, 3]) await write(bo, conv, `while hidden ${n}`)
    await expect(rows(page, 'while hidden 3')).toBeVisible()
    await page.waitForTimeout(REST_MS)
    expect(reads()).toBe(1)
    expect(await unreadOf(ada, bo)).toBe(3)
    await hide(page, false)
    await expect.poll(() => unreadOf(ada, bo)).toBe(0)
    expect(reads()).toBe(2)

    await scrollUp(page, 500)
    for (const n of [1, 2, 3]) await write(bo, conv, `below ${n}`)
    await expect(pill(page)).toHaveAccessibleName(/^3 /)
    await page.waitForTimeout(REST_MS)
    expect(reads()).toBe(2)
    expect(await unreadOf(ada, bo)).toBe(3)
    await pill(page).click()
    await expect.poll(() => unreadOf(ada, bo)).toBe(0)
    await page.waitForTimeout(REST_MS)
    expect(reads()).toBe(3)
  })
}
