// Cards, places, links, red packets and the ways a voice is not sent.

import type { Page } from '@playwright/test'
import { composer, expect, node, person, PHONE, post, test } from '../world'
import type { Person } from '../world'

test.use({
  launchOptions: {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  },
})
test.describe.configure({ mode: 'default' })

let ada: Person
let bo: Person

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada' })
  bo = await person(browser, { at: node(1), nickname: 'Bo', viewport: PHONE, hasTouch: true, permissions: ['microphone'] })
  await ada.page.goto(`/c/u/${bo.id}`)
  await bo.page.goto(`/c/u/${ada.id}`)
  await expect(composer(ada.page)).toBeVisible()
  await expect(composer(bo.page)).toBeVisible()
})

test.afterAll(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

const last = (page: Page) => page.locator('article[data-mid]').last()

async function attach(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: '更多', exact: true }).click()
  await page.getByRole('menuitem', { name, exact: true }).click()
}

const FORMS: { kind: string; fill: (page: Page) => Promise<void>; shown: (page: Page) => Promise<void>; preview: string }[] = [
  {
    kind: '位置',
    fill: async (page) => {
      await page.getByRole('dialog').getByRole('button', { name: '发送' }).click()
      await expect(page.getByLabel('地点')).toHaveAttribute('aria-invalid', 'true')
      await page.getByLabel('地点').fill('三楼机房')
      await page.getByLabel('详细地址').fill('主楼 305')
    },
    shown: async (page) => expect(last(page).getByRole('group', { name: '位置' })).toContainText('主楼 305'),
    preview: '[位置]',
  },
  {
    kind: '链接',
    fill: async (page) => {
      await page.getByLabel('网址').fill('javascript:alert(1)')
      await page.getByRole('dialog').getByRole('button', { name: '发送' }).click()
      await expect(page.getByLabel('网址')).toHaveAttribute('aria-invalid', 'true')
      await page.getByLabel('网址').fill('wiki.lan/start')
      await page.getByLabel('标题').fill('内部文档')
    },
    shown: async (page) => {
      const link = last(page).getByRole('link')
      await expect(link).toContainText('内部文档')
      await expect(link).toHaveAttribute('href', 'http://wiki.lan/start')
      await expect(link).toHaveAttribute('rel', 'noopener noreferrer')
    },
    preview: '[链接]',
  },
  {
    kind: '文章',
    fill: async (page) => {
      await page.getByLabel('网址').fill('https://news.lan/a')
      await page.getByLabel('标题').fill('集群升级记')
      await page.getByLabel('摘要').fill('三个节点，一次不停机的升级')
    },
    shown: async (page) => {
      await expect(last(page).getByRole('link')).toContainText('一次不停机的升级')
      await expect(last(page).getByRole('link')).toContainText('news.lan')
    },
    preview: '[文章]',
  },
]

for (const { kind, fill, shown, preview } of FORMS) {
  test(`${kind}: written here, a card there M31`, async () => {
    await attach(ada.page, kind)
    await fill(ada.page)
    await ada.page.getByRole('dialog').getByRole('button', { name: '发送' }).click()
    await expect(ada.page.getByRole('dialog')).toBeHidden()
    await expect(last(ada.page)).toHaveAttribute('data-state', /^(sent|read)$/)
    await shown(bo.page)
    await expect(ada.page.locator(`[data-conv="u:${bo.id}"]`)).toContainText(preview)
  })
}

test('a contact card leads to the person M31', async () => {
  await attach(ada.page, '名片')
  await ada.page.getByRole('dialog').getByRole('button', { name: /Ada/ }).click()
  const card = last(bo.page).getByRole('link', { name: /Ada.*名片/ })
  await expect(card).toBeVisible()
  await card.click()
  await expect(bo.page).toHaveURL(new RegExp(`/contacts/${ada.id}$`))
  await bo.page.goBack()
  await expect(composer(bo.page)).toBeVisible()
})

test('kinds this page does not know are named, not hidden M31', async () => {
  for (const media of [100, 999]) {
    await post(ada, `/api/v1/conversations/u:${bo.id}/messages`, { cid: `other-${Date.now()}-${media}`, media, content: 'x' })
    await expect(last(bo.page)).toContainText('暂不支持显示这类消息')
  }
})

test('a red packet is play money that the other opens once E21 M31', async () => {
  const before = await balance(ada)
  await attach(ada.page, '红包')
  await expect(ada.page.getByRole('dialog')).toContainText('没有实际价值')
  await ada.page.getByLabel('金额').fill('200.01')
  await ada.page.getByRole('button', { name: '塞进红包' }).click()
  await expect(ada.page.getByText('红包金额最多 200.00')).toBeVisible()
  await ada.page.getByLabel('金额').fill('8.88')
  await ada.page.getByLabel('祝福语').fill('一路顺风')
  await ada.page.getByRole('button', { name: '塞进红包' }).click()
  await expect(ada.page.getByRole('dialog')).toBeHidden()
  const card = last(bo.page).getByRole('button', { name: /一路顺风\s*红包/ })
  await expect(card).toContainText('演示币')
  expect(await balance(ada)).toBe(before - 888)

  await last(ada.page).getByRole('button', { name: /一路顺风\s*红包/ }).click()
  await expect(ada.page.getByText('等待对方领取')).toBeVisible()
  await ada.page.getByRole('button', { name: '关闭' }).click()

  const had = await balance(bo)
  await card.click()
  await bo.page.getByRole('button', { name: '拆开红包' }).click()
  await expect(bo.page.getByRole('status').filter({ hasText: '¥8.88' })).toBeVisible()
  await bo.page.getByRole('button', { name: '关闭' }).click()
  expect(await balance(bo)).toBe(had + 888)
  await expect(bo.page.getByRole('button', { name: /一路顺风\s*已领取\s*红包/ })).toBeVisible()
  // The sender learns of it without asking.
  await expect(ada.page.getByRole('button', { name: /一路顺风\s*已领完\s*红包/ })).toBeVisible()
})

test('a transfer goes to the other whole, and is no animation for who wants none E21 D9', async () => {
  await bo.page.emulateMedia({ reducedMotion: 'reduce' })
  await attach(ada.page, '转账')
  await ada.page.getByLabel('金额').fill('12')
  await ada.page.getByRole('dialog').getByRole('button', { name: '转账', exact: true }).click()
  const card = last(bo.page).getByRole('button', { name: /¥12\.00.*转账/ })
  await card.click()
  await bo.page.getByRole('button', { name: '确认收款' }).click()
  const sum = bo.page.getByRole('status').filter({ hasText: '¥12.00' })
  await expect(sum).toBeVisible()
  expect(await sum.evaluate((one) => getComputedStyle(one).animationName)).toBe('none')
  await bo.page.getByRole('button', { name: '关闭' }).click()
  await bo.page.emulateMedia({ reducedMotion: null })
})

test('in a group every share is taken once, and the shares are the sum E21', async () => {
  const group = (await post(ada, '/api/v1/groups', { name: '红包群', members: [bo.id] })) as { id: number }
  await ada.page.goto(`/c/g/${group.id}`)
  await attach(ada.page, '红包')
  await ada.page.getByLabel('总金额').fill('0.01')
  await ada.page.getByLabel('红包个数').fill('2')
  await ada.page.getByRole('button', { name: '塞进红包' }).click()
  await expect(ada.page.getByText('每个红包至少 0.01')).toBeVisible()
  await ada.page.getByLabel('总金额').fill('5')
  await ada.page.getByRole('button', { name: '塞进红包' }).click()
  await bo.page.goto(`/c/g/${group.id}`)
  for (const { page } of [ada, bo]) {
    await last(page).getByRole('button', { name: /红包 · 演示币/ }).click()
    await page.getByRole('button', { name: '拆开红包' }).click()
    await expect(page.getByText(/已领取 [12]\/2 个/)).toBeVisible()
    await page.getByRole('button', { name: '关闭' }).click()
  }
  const seq = await last(bo.page).getAttribute('data-mid')
  const packet = (await (await ada.api.get(`/api/v1/packets/${seq}`)).json()) as { state: string; claims: { user: number; amount: number }[] }
  expect(packet.state).toBe('empty')
  expect(packet.claims.map(({ user }) => user).sort()).toEqual([ada.id, bo.id].sort())
  expect(packet.claims.reduce((sum, { amount }) => sum + amount, 0)).toBe(500)
})

async function balance(who: Person): Promise<number> {
  return ((await (await who.api.get('/api/v1/me/balance')).json()) as { balance: number }).balance
}

test('a held voice is given up by sliding up, and sent by letting go M19 D1', async () => {
  const { page } = bo
  await page.goto(`/c/u/${ada.id}`)
  const mic = page.getByRole('button', { name: '语音', exact: true })
  await expect(mic).toBeVisible()
  await expect(page.locator('article[data-mid]').first()).toBeVisible()
  const box = await mic.boundingBox()
  if (!box) throw new Error('no button')
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  const touch = await bo.context.newCDPSession(page)
  const before = await last(page).getAttribute('data-mid')
  for (const slide of [120, 0]) {
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point] })
    await expect(page.getByText('松开发送，上滑取消')).toBeVisible()
    await expect(page.getByRole('timer')).toHaveText(/0:0[2-9]/)
    if (slide > 0) {
      await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: point.x, y: point.y - slide }] })
      await expect(page.getByText('松开手指，取消发送')).toBeVisible()
    }
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
    await expect(page.getByRole('group', { name: '正在录音' })).toBeHidden()
    if (slide > 0) await expect(last(page)).toHaveAttribute('data-mid', before ?? '')
  }
  await expect(last(page).getByRole('group', { name: /^语音，\d+ 秒$/ })).toBeVisible()
  await expect(last(page)).toHaveAttribute('data-state', /^(sent|read)$/)
})

test('without HTTPS the microphone is explained, and a recording can be picked M33 M19', async () => {
  const page = await bo.context.newPage()
  // What a page on plain http finds.
  await page.addInitScript(() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined }))
  await page.goto(`/c/u/${ada.id}`)
  await page.getByRole('button', { name: '语音', exact: true }).click()
  await expect(page.getByRole('dialog')).toContainText('HTTPS')
  await page.getByRole('dialog').locator('input[type=file]').setInputFiles({ name: 'tone.wav', mimeType: 'audio/wav', buffer: tone(2) })
  await expect(last(page).getByRole('group', { name: '语音，2 秒' })).toBeVisible()
  await expect(last(page)).toHaveAttribute('data-state', /^(sent|read)$/)
  await page.close()
})

/** A sound that grows, as a WAV file of 8 kHz. */
function tone(seconds: number): Buffer {
  const samples = 8_000 * seconds
  const bytes = Buffer.alloc(44 + samples * 2)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(36 + samples * 2, 4)
  bytes.write('WAVEfmt ', 8)
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(8_000, 24)
  bytes.writeUInt32LE(16_000, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36)
  bytes.writeUInt32LE(samples * 2, 40)
  for (let n = 0; n < samples; n++) bytes.writeInt16LE(Math.round(Math.sin(n / 3) * 20_000 * (n / samples)), 44 + n * 2)
  return bytes
}

test('a refused microphone says what to do M19', async ({ browser }) => {
  const cy = await person(browser, { at: node(2), nickname: 'Cy' })
  await cy.page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))
  })
  await cy.page.goto(`/c/u/${ada.id}`)
  await cy.page.getByRole('button', { name: '语音', exact: true }).click()
  await expect(cy.page.getByRole('dialog')).toContainText('麦克风权限被拒绝')
  await cy.context.close()
})
