// The cluster page against a cluster that changes before its eyes, and the node that serves the page.

import { Cluster } from '../cluster'
import { allowTrouble, expect, expectNoOverflow, LOST_NODE, person, PHONE, post, test } from '../world'
import type { Person } from '../world'
import type { Page } from '@playwright/test'

let cluster: Cluster
let ada: Person
let bo: Person

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  // What is written here is more than one may write.
  cluster = await Cluster.start({ nodes: 3, nginx: true, set: ['limits.sends_per_second=1000000', 'limits.sends_burst=1000000'] })
  ada = await person(browser, { at: cluster.at(0), nickname: 'Ada' })
  bo = await person(browser, { at: cluster.at(1), nickname: 'Bo' })
})

test.afterAll(async () => {
  await ada?.context.close()
  await bo?.context.close()
  await cluster?.close()
})

const row = (page: Page, name: string) => page.locator(`[data-row-node="${name}"]`)
const spot = (page: Page, name: string) => page.locator(`[data-map-node="${name}"]`)

async function speak(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    await post(bo, `/api/v1/conversations/u:${ada.id}/messages`, { cid: `c-${Date.now()}-${n}`, media: 1, content: 'hi' })
  }
}

test('map and table show every node, and where I am E16', async () => {
  const { page } = ada
  await page.goto('/cluster')
  await expect(page.getByRole('img', { name: /集群图/ })).toBeVisible()
  for (const name of ['node-1', 'node-2', 'node-3']) {
    await expect(spot(page, name)).toHaveAttribute('data-health', 'up')
    await expect(row(page, name)).toContainText('在线')
  }
  await expect(row(page, 'node-1')).toContainText('你在这里')
  await expect(spot(page, 'node-1')).toContainText('你在这里')
  await expect(page.locator('[data-edge]')).toHaveCount(3)
  await expect(page.locator('[data-spark] canvas').first()).toBeVisible()
  await expect(page.getByRole('columnheader', { name: '连接' })).toBeVisible()
})

test('the numbers are those of the metrics E16', async () => {
  const { page } = ada
  const connections = async () => {
    const text = await (await ada.api.get('/metrics')).text()
    return /^starling_node_connections (\d+)$/m.exec(text)?.[1]
  }
  await bo.page.goto('/')
  await expect.poll(connections).toBe('1')
  await expect(row(page, 'node-1').getByRole('cell').nth(6)).toHaveText('1')
  const second = await ada.context.newPage()
  await second.goto('/')
  await expect.poll(connections).toBe('2')
  await expect(row(page, 'node-1').getByRole('cell').nth(6)).toHaveText('2')
  await expect(spot(page, 'node-1')).toContainText('2')
  await second.close()
})

test('dots run for messages only, ten a second at most E16', async () => {
  const { page } = ada
  await page.evaluate(() => {
    const seen: number[] = []
    Object.assign(window, { pulses: seen })
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) {
        for (const added of addedNodes) if (added instanceof SVGElement && added.dataset.pulse) seen.push(performance.now())
      }
    }).observe(document.querySelector('svg[role="img"]') ?? document.body, { childList: true, subtree: true })
  })
  const pulses = () => page.evaluate(() => (window as unknown as { pulses: number[] }).pulses)
  const bursting = (async () => {
    for (let n = 0; n < 10; n++) await speak(10)
  })()
  // What node-1 itself sends is what its page knows of.
  for (let n = 0; n < 40; n++) {
    await post(ada, `/api/v1/conversations/u:${bo.id}/messages`, { cid: `p-${Date.now()}-${n}`, media: 1, content: 'hi' })
  }
  await bursting
  await expect.poll(async () => (await pulses()).length).toBeGreaterThan(3)
  await page.waitForTimeout(4_000)
  const at = await pulses()
  // They are seen a moment after they set out.
  for (const from of at) expect(at.filter((one) => one >= from && one < from + 990).length).toBeLessThanOrEqual(10)
  const before = at.length
  await page.waitForTimeout(3_000)
  expect((await pulses()).length - before, 'dots while nobody writes').toBeLessThanOrEqual(2)
})

test('a killed node is told within three seconds, and so is its return E16', async () => {
  const { page } = ada
  await cluster.kill(2)
  const killed = Date.now()
  await expect(spot(page, 'node-3')).not.toHaveAttribute('data-health', 'up', { timeout: 3_000 })
  await expect(row(page, 'node-3')).not.toContainText('在线', { timeout: Math.max(1, 3_000 - (Date.now() - killed)) })
  await cluster.startNode(2)
  await expect(page.locator('[data-map-node="node-3"][data-health="up"]')).toHaveCount(1, { timeout: 3_000 })
})

test('a phone gets the same as a list E16', async ({ browser }) => {
  const context = await browser.newContext({ baseURL: cluster.at(0), viewport: PHONE, storageState: await ada.context.storageState() })
  const page = await context.newPage()
  await page.goto('/cluster')
  await expect(row(page, 'node-2')).toContainText('在线')
  await expect(page.getByRole('img', { name: /集群图/ })).toBeHidden()
  await expectNoOverflow(page)
  await context.close()
})

test('the page names the node that serves it, and the next one when that is gone M30 D5', async ({ browser }) => {
  const cyd = await person(browser, { at: cluster.url, nickname: 'Cyd' })
  const { page } = cyd
  await page.goto('/')
  const strip = page.locator('[data-node]')
  await expect(strip).toContainText(/node-\d · \d+ ms/)
  await expect(strip).toContainText('3/3 在线')
  const before = /node-\d/.exec(await strip.innerText())?.[0] ?? ''
  const hello = new Promise<string>((resolve) => {
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        const frame = JSON.parse(String(payload)) as { type: string; node?: { name: string } }
        if (frame.type === 'hello') resolve(frame.node?.name ?? '')
      }),
    )
  })
  // It may be the node of the others, too.
  for (const one of [page, ada.page, bo.page]) allowTrouble(one, ...LOST_NODE)
  await cluster.kill(cluster.indexOf(before))
  const next = await hello
  await expect(strip).toContainText(next, { timeout: 2_000 })
  expect(next).not.toBe(before)
  await expect(page.getByRole('status').filter({ hasText: `已切换到 ${next}` })).toBeVisible()
  await strip.click()
  await expect(page).toHaveURL(/\/cluster$/)
  await cyd.context.close()
  await cluster.startNode(cluster.indexOf(before))
})
