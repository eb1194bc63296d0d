// A conversation of ten thousand messages: scrolling it costs no frame, and opening it often no memory.

import type { Page } from '@playwright/test'
import { Cluster } from '../cluster'
import { paintLandscape } from '../paint'
import { account, befriend, uploadAs } from '../sample'
import type { Account } from '../sample'
import { composer, DESK, expect, test } from '../world'
import { quantile, tell } from './measure'

const MESSAGES = 10_000
/** One in so many is a picture, but for the newest: frames are counted where only texts are. */
const PICTURE_EVERY = 40
const NEWEST = 300
/** Messages on their way at a time while it is filled. */
const UNDER_WAY = 64
const FRAMES = 400
const PIXELS_A_FRAME = 40
const FRAME_MS = 20
const ROWS_MAX = 80
/** Far enough for eight pages. */
const FRAMES_FAR = 1_000
const PAGES_MIN = 8
const JUMP_PX = 2
/** Room that the list keeps below its last row. */
const END_PX = 28
const CYCLES = 20
const GROWTH_MB = 30

// Recording a trace takes time from the page, and much more than the page takes.
test.use({ trace: 'off' })

let cluster: Cluster
let ada: Account
let bo: Account
let page: Page

interface LayoutShift extends PerformanceEntry {
  value: number
  sources: { previousRect: DOMRect }[]
}

interface Talk {
  ada: { id: number; token: string }
  bo: { id: number; token: string }
  picture: object
  messages: number
  every: number
  newest: number
  window: number
}

/** Runs in a page: two people talk over sockets of their own. How many messages were taken. */
async function fill({ ada, bo, picture, messages, every, newest, window }: Talk): Promise<number> {
  const open = (token: string) =>
    new Promise<WebSocket>((resolve) => {
      const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`)
      socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token }))
      socket.onmessage = () => resolve(socket)
    })
  const [hers, his] = [await open(ada.token), await open(bo.token)]
  let [next, taken] = [0, 0]
  return new Promise((resolve, reject) => {
    const more = () => {
      for (; next < messages && next - taken < window; next++) {
        const pictured = next % every === 0 && next < messages - newest
        const own = next % 3 === 0 && !pictured
        const body = pictured ? picture : { media: 1, content: `message ${next} ${'and more '.repeat((next * 7) % 40)}` }
        const frame = { type: 'send', cid: `fill-${next}`, to: `u:${own ? bo.id : ada.id}`, ...body }
        ;(own ? hers : his).send(JSON.stringify(frame))
      }
    }
    for (const socket of [hers, his]) {
      socket.onclose = () => reject(new Error('a socket was closed'))
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const { type } = JSON.parse(data) as { type: string }
        if (type === 'error') reject(new Error(data))
        if (type !== 'ack') return
        if (++taken === messages) resolve(taken)
        else more()
      }
    }
    more()
  })
}

test.beforeAll(async ({ browser }) => {
  test.setTimeout(600_000)
  cluster = await Cluster.start({ nodes: 1, set: ['limits.sends_per_second=1000000', 'limits.sends_burst=1000000'] })
  ada = await account(cluster.at(0), 'Ada')
  bo = await account(cluster.at(0), 'Bo')
  await befriend(ada, bo)
  const context = await browser.newContext({ baseURL: ada.base, viewport: DESK })
  page = await context.newPage()
  const painted = await uploadAs(bo, 'wide.jpg', 'image/jpeg', await paintLandscape(page, { width: 480, height: 320, hue: 205 }))
  const picture = { media: 4, url: painted.url, pic: painted.thumb, meta: { w: 480, h: 320 } }
  await page.goto(`${ada.base}/healthz`)
  const sent = await page.evaluate(fill, { ada: { id: ada.id, token: ada.token }, bo: { id: bo.id, token: bo.token }, picture, messages: MESSAGES, every: PICTURE_EVERY, newest: NEWEST, window: UNDER_WAY })
  expect(sent).toBe(MESSAGES)
  await context.request.post('/api/v1/login', { data: { name: ada.name, password: ada.password }, headers: { Origin: ada.base } })
})

test.afterAll(async () => {
  await page?.context().close()
  await cluster?.close()
})

async function open(): Promise<void> {
  await page.goto(`/c/u/${bo.id}`)
  await expect(page.locator('article[data-mid]').last()).toBeVisible()
}

test('ten thousand messages scroll without a lost frame P5', async () => {
  test.setTimeout(180_000)
  await open()
  const seen = await page.getByRole('region', { name: '消息记录' }).evaluate(
    (box, { frames, pixels }) =>
      new Promise<{ deltas: number[]; rows: number }>((resolve) => {
        const deltas: number[] = []
        let rows = 0
        let last = performance.now()
        const step = (now: number) => {
          deltas.push(now - last)
          last = now
          rows = Math.max(rows, box.querySelectorAll('[data-mid]').length)
          box.scrollTop -= pixels
          if (deltas.length < frames) requestAnimationFrame(step)
          else resolve({ deltas, rows })
        }
        requestAnimationFrame(step)
      }),
    { frames: FRAMES, pixels: PIXELS_A_FRAME },
  )
  const frame = quantile(seen.deltas.slice(5), 0.95)
  tell('frame while scrolling, p95', frame, FRAME_MS)
  tell('rows in the document', seen.rows, ROWS_MAX, '')
  expect(seen.rows).toBeGreaterThan(0)
  expect(seen.rows).toBeLessThanOrEqual(ROWS_MAX)
  expect(frame).toBeLessThanOrEqual(FRAME_MS)
})

test('scrolling up ten thousand messages never jumps, and ends at the beginning P3 M12', async () => {
  test.setTimeout(300_000)
  await open()
  let pages = 0
  page.on('request', (request) => (pages += request.url().includes('before=') ? 1 : 0))
  const box = page.getByRole('region', { name: '消息记录' })
  const seen = await box.evaluate(
    (list, { frames, pixels, end }) =>
      new Promise<{ off: number[]; rows: number; bare: number; shift: number }>((resolve) => {
        const off: number[] = []
        let [rows, bare, shift, scrolled] = [0, 0, 0, 0]
        let before = new Map<string, number>()
        const view = list.getBoundingClientRect()
        new PerformanceObserver((entries) => {
          // Rows that a page above pushes down while the reader scrolls count for the browser as if they came from
          // nowhere, with an empty place before; that none of them moves in view is what `off` says of every frame.
          for (const { value, sources } of entries.getEntries() as LayoutShift[]) if (sources.some(({ previousRect }) => previousRect.height > 0)) shift += value
        }).observe({ type: 'layout-shift' })
        const step = () => {
          const shown = [...list.querySelectorAll<HTMLElement>('li')].filter((row) => getComputedStyle(row).visibility === 'visible')
          const places = shown.map((row) => [row.querySelector<HTMLElement>('[data-mid]')?.dataset.mid ?? '', row.getBoundingClientRect()] as const)
          const now = new Map(places.map(([mid, { top }]) => [mid, top]))
          if (before.size > 0) off.push(...[...now].flatMap(([mid, top]) => (before.has(mid) ? [Math.abs(top - (before.get(mid) ?? 0) - scrolled)] : [])))
          rows = Math.max(rows, now.size)
          // Row beside row from the upper edge to the lower one, or there is a hole in what is read.
          const reached = places.map(([, rect]) => rect).sort((a, b) => a.top - b.top).reduce((end, { top, bottom }) => (top <= end + 1 ? Math.max(end, bottom) : end), view.top)
          if (off.length > 0 && list.scrollTop > pixels && reached < view.bottom - end) bare++
          before = now
          scrolled = Math.min(pixels, list.scrollTop)
          list.scrollTop -= pixels
          if (frames-- > 0) requestAnimationFrame(step)
          else resolve({ off, rows, bare, shift })
        }
        requestAnimationFrame(step)
      }),
    { frames: FRAMES_FAR, pixels: PIXELS_A_FRAME, end: END_PX },
  )
  tell('pages loaded', pages, PAGES_MIN, '')
  tell('farthest that a row was from where the scrolling puts it', Math.max(...seen.off), JUMP_PX, 'px')
  expect(pages).toBeGreaterThanOrEqual(PAGES_MIN)
  expect(seen.off.length).toBeGreaterThan(FRAMES_FAR)
  expect(Math.max(...seen.off)).toBeLessThanOrEqual(JUMP_PX)
  expect(seen.bare).toBe(0)
  expect(seen.rows).toBeLessThanOrEqual(ROWS_MAX)
  expect(seen.shift).toBeLessThan(0.001)

  const beginning = box.getByText('会话从这里开始')
  await expect(beginning).toHaveCount(0)
  await box.evaluate((list) => {
    const up = () => {
      list.scrollTop = 0
      if (!list.textContent?.includes('会话从这里开始')) requestAnimationFrame(up)
    }
    up()
  })
  await expect(beginning).toBeInViewport({ timeout: 200_000 })
  await expect(page.locator('article[data-mid]').filter({ hasText: /message [1-9] / }).first()).toBeAttached()
})

test('opening and leaving a long conversation gives its memory back P5', async () => {
  test.setTimeout(180_000)
  await open()
  const session = await page.context().newCDPSession(page)
  const used = async () => {
    await session.send('HeapProfiler.collectGarbage')
    return (await session.send('Runtime.getHeapUsage')).usedSize / 1_000_000
  }
  const cycle = async () => {
    await page.getByRole('link', { name: '通讯录' }).first().click()
    await expect(composer(page)).toHaveCount(0)
    await page.goBack()
    await expect(page.locator('article[data-mid]').last()).toBeVisible()
  }
  await cycle()
  const before = await used()
  for (let n = 0; n < CYCLES; n++) await cycle()
  const growth = (await used()) - before
  tell(`heap after ${CYCLES} times`, growth, GROWTH_MB, 'MB')
  expect(growth).toBeLessThanOrEqual(GROWTH_MB)
})
