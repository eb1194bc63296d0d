// A node dies while people write: nothing is lost, nothing comes twice, and who is typing notices only another name in
// the corner.

import type { Page } from '@playwright/test'
import { Cluster } from '../cluster'
import { allowTrouble, composer, expect, LOST_NODE, person, rows, say, test, wake } from '../world'
import type { Person } from '../world'
import { wires } from '../wires'

const STREAM = 50
const EVERY_MS = 100
const KILLED_AT = 15
/** So tall that every row of the stream is on the screen: the list shows only what is in view. */
const TALL = { width: 900, height: 5_000 }
/** First waits are spread over 0.3 to 2.4 s; the rest is a busy machine. */
const SWITCH_MS_MAX = 8_000

let cluster: Cluster

test.beforeEach(async () => {
  cluster = await Cluster.start({ nodes: 3, nginx: true })
})

test.afterEach(async () => {
  await cluster?.close()
})

const nodeOf = async (page: Page) => {
  await expect(page.locator('[data-node]')).toContainText(/node-\d/)
  return cluster.indexOf(/node-\d/.exec(await page.locator('[data-node]').innerText())?.[0] ?? '')
}

const numbered = (page: Page, word: string) => page.locator('article[data-mid]').filter({ hasText: new RegExp(`${word} \\d`) })

/** The numbers of a stream in the order in which the page shows them. */
async function shownNumbers(page: Page, word: string): Promise<number[]> {
  const texts = await numbered(page, word).allInnerTexts()
  return texts.map((text) => Number(new RegExp(`${word} (\\d+)`).exec(text)?.[1]))
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

/** What the store has of a stream, as somebody may read it. */
async function storedNumbers(who: Person, conv: string, word: string): Promise<number[]> {
  const answer = await who.api.get(`/api/v1/conversations/${conv}/entries?limit=200`)
  const { entries } = (await answer.json()) as { entries: { content?: string }[] }
  return entries.flatMap(({ content }) => new RegExp(`^${word} (\\d+)$`).exec(content ?? '')?.[1] ?? []).map(Number)
}

interface Watch {
  unfocused: number
  frames: number
  tops: Set<number>
  shift: number
}

interface LayoutShift extends PerformanceEntry {
  value: number
  sources: { node: Node | null }[]
}

/** Looks at every frame: who has the focus, and where the composer is. */
async function watchComposer(page: Page): Promise<() => Promise<Omit<Watch, 'tops'> & { tops: number[] }>> {
  await page.evaluate(() => {
    const watch: Watch = { unfocused: 0, frames: 0, tops: new Set(), shift: 0 }
    Object.assign(window, { watch })
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries() as LayoutShift[]) {
        // Rows make room for each other: that is what a chat does.
        if (sources.some(({ node }) => !(node instanceof Element && node.closest('[role=region]')))) watch.shift += value
      }
    }).observe({ type: 'layout-shift' })
    const look = () => {
      const field = document.querySelector('textarea')
      watch.frames++
      if (document.activeElement !== field) watch.unfocused++
      watch.tops.add(Math.round(field?.getBoundingClientRect().top ?? -1))
      requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
  return () =>
    page.evaluate(() => {
      const { watch } = window as unknown as { watch: Watch }
      return { ...watch, tops: [...watch.tops] }
    })
}

test('a node killed under a stream of messages loses and doubles none M7 M30 D5 @smoke', async ({ browser }) => {
  test.setTimeout(180_000)
  const ada = await person(browser, { at: cluster.url, nickname: 'Ada' })
  allowTrouble(ada.page, ...LOST_NODE)
  await ada.page.goto('/')
  const serving = await nodeOf(ada.page)
  const bo = await person(browser, { at: cluster.at((serving + 1) % 3), nickname: 'Bo', viewport: TALL })
  await ada.page.goto(`/c/u/${bo.id}`)
  await bo.page.goto(`/c/u/${ada.id}`)
  await say(ada.page, 'first')
  await expect(rows(bo.page, 'first')).toHaveCount(1)
  await composer(ada.page).focus()
  const look = await watchComposer(ada.page)

  let killedAt = 0
  let moved: Promise<number> | null = null
  let told: Promise<void> | null = null
  const started = performance.now()
  for (let n = 1; n <= STREAM; n++) {
    // To wherever the focus is.
    await ada.page.keyboard.insertText(`stream ${n}`)
    await ada.page.keyboard.press('Enter')
    if (n === KILLED_AT) {
      await cluster.kill(serving)
      killedAt = performance.now()
      told = expect(ada.page.getByText(/已切换到 node-\d/)).toBeAttached({ timeout: 20_000 })
      moved = expect(ada.page.locator('[data-node]'))
        .toContainText(new RegExp(`node-[^${serving + 1}].*ms`), { timeout: 20_000 })
        .then(() => performance.now() - killedAt)
    }
    await ada.page.waitForTimeout(Math.max(0, started + n * EVERY_MS - performance.now()))
  }
  const switched = await moved
  console.log(`the next node took over after ${((switched ?? 0) / 1000).toFixed(1)} s`)
  expect(switched).toBeLessThan(SWITCH_MS_MAX)
  await told
  expect(await nodeOf(ada.page)).not.toBe(serving)

  await expect(ada.page.locator('article[data-state=pending], article[data-state=failed]')).toHaveCount(0)
  await expect(numbered(bo.page, 'stream')).toHaveCount(STREAM)
  expect(await shownNumbers(bo.page, 'stream')).toEqual(upTo(STREAM))
  expect(await storedNumbers(bo, `u:${ada.id}`, 'stream')).toEqual(upTo(STREAM))

  const { frames, unfocused, tops, shift } = await look()
  expect(frames).toBeGreaterThan(STREAM)
  expect(unfocused, 'frames in which the composer had lost the focus').toBe(0)
  expect(tops, 'places of the composer').toHaveLength(1)
  expect(shift, 'layout shift').toBeLessThan(0.02)
  await ada.context.close()
  await bo.context.close()
})

test('what was missed is filled in order by another node, without a reload M7', async ({ browser }) => {
  test.setTimeout(180_000)
  const bo = await person(browser, { at: cluster.url, nickname: 'Bo', viewport: TALL })
  allowTrouble(bo.page, ...LOST_NODE)
  const wire = await wires(bo.page)
  await bo.page.goto('/')
  const serving = await nodeOf(bo.page)
  const ada = await person(browser, { at: cluster.at((serving + 1) % 3), nickname: 'Ada' })
  await ada.page.goto(`/c/u/${bo.id}`)
  await bo.page.goto(`/c/u/${ada.id}`)
  await say(ada.page, 'before')
  await expect(rows(bo.page, 'before')).toHaveCount(1)
  await bo.page.evaluate(() => Object.assign(window, { same: true }))

  await wire.cut()
  for (const n of upTo(30)) await say(ada.page, `missed ${n}`)
  await expect(ada.page.locator('article[data-state=pending]')).toHaveCount(0)
  await cluster.kill(serving)
  expect(await shownNumbers(bo.page, 'missed')).toEqual([])
  wire.restore()
  await wake(bo.page)

  await expect(numbered(bo.page, 'missed')).toHaveCount(30, { timeout: 20_000 })
  expect(await shownNumbers(bo.page, 'missed')).toEqual(upTo(30))
  expect(await nodeOf(bo.page)).not.toBe(serving)
  expect(await bo.page.evaluate(() => 'same' in window)).toBe(true)
  await ada.context.close()
  await bo.context.close()
})

test('a whole cluster that restarts is found again M5', async ({ browser }) => {
  test.setTimeout(120_000)
  const ada = await person(browser, { at: cluster.url, nickname: 'Ada' })
  allowTrouble(ada.page, ...LOST_NODE)
  await ada.page.goto(`/c/u/${ada.id}`)
  await nodeOf(ada.page)
  for (const n of [0, 1, 2]) await cluster.kill(n)
  await expect(ada.page.getByRole('status').filter({ hasText: '重连' }).first()).toBeVisible()
  await say(ada.page, 'while nobody is there')
  await expect(rows(ada.page, 'while nobody is there')).toHaveAttribute('data-state', 'pending')
  for (const n of [0, 1, 2]) await cluster.startNode(n)
  await wake(ada.page)
  await expect(rows(ada.page, 'while nobody is there')).toHaveAttribute('data-state', /^(sent|read)$/)
  await expect(ada.page.getByRole('status').filter({ hasText: '重连' })).toHaveCount(0)
  await ada.context.close()
})
