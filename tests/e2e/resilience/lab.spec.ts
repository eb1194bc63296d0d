// The test's own nodes and wires do what the other flows rely on: a node that is killed answers nobody, one that is started
// again is back, and what a wire swallows does not arrive.

import { Cluster } from '../cluster'
import { allowTrouble, exchange, expect, LOST_NODE, person, rows, say, test, wake } from '../world'
import { wires } from '../wires'

test('nodes of their own can be killed, started and configured @smoke', async ({ browser }) => {
  const cluster = await Cluster.start({ nodes: 2, nginx: true, set: ['chat.recall_seconds=1'] })
  try {
    const ada = await person(browser, { at: cluster.url, nickname: 'Ada' })
    const bo = await person(browser, { at: cluster.at(1), nickname: 'Bo' })
    allowTrouble(bo.page, ...LOST_NODE)
    await ada.page.goto(`/c/u/${bo.id}`)
    await bo.page.goto(`/c/u/${ada.id}`)
    await exchange(ada.page, bo.page, 'both are there')
    await cluster.kill(1)
    await expect(fetch(`${cluster.at(1)}/healthz`)).rejects.toThrow()
    expect((await fetch(`${cluster.url}/healthz`)).status).toBe(200)
    await cluster.startNode(1)
    await exchange(bo.page, ada.page, 'back again')
    await ada.context.close()
    await bo.context.close()
  } finally {
    await cluster.close()
  }
})

test('wires cut, swallow, double and shuffle @smoke', async ({ browser }) => {
  const cluster = await Cluster.start({ nodes: 1 })
  try {
    const ada = await person(browser, { at: cluster.url, nickname: 'Ada' })
    const bo = await person(browser, { at: cluster.url, nickname: 'Bo' })
    const wire = await wires(bo.page)
    await ada.page.goto(`/c/u/${bo.id}`)
    await bo.page.goto(`/c/u/${ada.id}`)
    await exchange(ada.page, bo.page, 'whole')
    wire.double()
    await exchange(ada.page, bo.page, 'doubled')
    wire.shuffle()
    for (let n = 1; n <= 9; n++) await say(ada.page, `mixed ${n}`)
    await expect(bo.page.locator('article[data-mid]').filter({ hasText: 'mixed' })).toHaveText(
      Array.from({ length: 9 }, (_, n) => new RegExp(`mixed ${n + 1}`)),
    )
    wire.restore()
    expect(wire.open).toBe(1)
    await wire.cut()
    await expect(bo.page.getByRole('status').filter({ hasText: '重连' }).first()).toBeVisible()
    expect(wire.open).toBe(0)
    await say(ada.page, 'while cut')
    await expect(rows(ada.page, 'while cut')).toHaveAttribute('data-state', 'sent')
    await expect(rows(bo.page, 'while cut')).toHaveCount(0)
    wire.restore()
    await wake(bo.page)
    await expect(rows(bo.page, 'while cut')).toHaveCount(1)
    wire.blackhole()
    await say(ada.page, 'into the dark')
    await expect(rows(ada.page, 'into the dark')).toHaveAttribute('data-state', 'sent')
    await expect(rows(bo.page, 'into the dark')).toHaveCount(0)
    await ada.context.close()
    await bo.context.close()
  } finally {
    await cluster.close()
  }
})
