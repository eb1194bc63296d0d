// Every kind of message, from one person's page to the other's on another node.

import { createHash } from 'node:crypto'
import type { Locator, Page } from '@playwright/test'
import { disturbance, tell } from '../perf/measure'
import { allowTrouble, composer, expect, node, person, PHONE, post, rows, test } from '../world'
import type { Person } from '../world'
import { film, photograph, picture } from '../samples'
import type { Sample } from '../samples'

test.use({
  launchOptions: {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
  },
})
test.describe.configure({ mode: 'serial' })

const PICKER_MS = 300

let ada: Person
let bo: Person

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada', permissions: ['microphone'] })
  bo = await person(browser, { at: node(1), nickname: 'Bo', viewport: PHONE, hasTouch: true })
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
const sent = /^(sent|read)$/

/** Opens the panel's file field and gives it the files. */
async function pick(page: Page, kind: 'media' | 'file', files: Sample[]): Promise<void> {
  await page.getByRole('button', { name: '更多', exact: true }).click()
  await page.locator(`[data-pick=${kind}]`).setInputFiles(files)
}

const sendButton = (page: Page) => page.getByRole('dialog').getByRole('button', { name: /^发送/ })

/** What `act` sends becomes the newest message of the page, and one row of the other's. */
async function sends(from: Page, to: Page, act: () => Promise<void>, what: (row: Locator) => Promise<void>): Promise<void> {
  const before = (await from.locator('article[data-mid]').count()) > 0 ? await last(from).getAttribute('data-mid') : null
  await act()
  await expect(last(from)).not.toHaveAttribute('data-mid', before ?? 'none', { timeout: 20_000 })
  await expect(last(from)).toHaveAttribute('data-state', sent, { timeout: 20_000 })
  const seq = await last(from).getAttribute('data-mid')
  const row = to.locator(`article[data-mid="${seq}"]`)
  await expect(row).toHaveCount(1)
  await what(row)
}

test('a picked picture has its place, its preview and opens over the page M18 M31 @smoke', async () => {
  const { page } = ada
  await pick(page, 'media', [await photograph(page, 'room.jpg', 800, 400)])
  await expect(page.getByRole('dialog').getByRole('img', { name: 'room.jpg' })).toBeVisible()
  await sends(page, bo.page, () => sendButton(page).click(), async (row) => {
    const tile = row.getByRole('button', { name: '图片，点按查看' })
    await expect(tile.locator('img')).toHaveJSProperty('complete', true)
    const box = await tile.boundingBox()
    // Turned upright: 400 wide and 800 high, fitted into the tile.
    expect(box?.width).toBeCloseTo(160, 0)
    expect(box?.height).toBeCloseTo(320, 0)
    await tile.click()
    await expect(bo.page.getByRole('dialog')).toBeVisible()
    await bo.page.keyboard.press('Escape')
    await expect(bo.page.getByRole('dialog')).toBeHidden()
    await expect(tile).toBeFocused()
  })
  const { entries } = (await (await ada.api.get(`/api/v1/conversations/u:${bo.id}/entries?limit=1`)).json()) as {
    entries: { url: string; meta: { w: number; h: number; blur: string } }[]
  }
  expect(entries[0]?.meta).toMatchObject({ w: 400, h: 800, blur: expect.stringMatching(/^data:image\//) })
  const bytes = await (await bo.api.get(entries[0]?.url ?? '')).body()
  expect(bytes.includes(Buffer.from('Exif')), 'what the camera wrote is gone').toBe(false)
})

test('a pasted and a dropped picture wait for a yes M18', async () => {
  const { page } = ada
  for (const way of ['paste', 'drop'] as const) {
    const { buffer } = await picture(page, 'p.png', 300, 200)
    await page.evaluate(
      ([way, base64]) => {
        const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))
        const data = new DataTransfer()
        data.items.add(new File([bytes], `${way}.png`, { type: 'image/png' }))
        const field = document.querySelector('textarea')
        if (way === 'paste') field?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
        else for (const type of ['dragenter', 'dragover', 'drop']) field?.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }))
      },
      [way, buffer.toString('base64')] as const,
    )
    await expect(page.getByRole('dialog').getByRole('img', { name: `${way}.png` })).toBeVisible()
    await sends(page, bo.page, () => page.keyboard.press('Enter'), async (row) => expect(row.getByRole('button', { name: '图片，点按查看' })).toBeVisible())
    await expect(page.getByRole('dialog')).toBeHidden()
  }
})

test('an upload shows how far it is, can be given up, and tried again after a failure M18', async () => {
  const { page } = ada
  const large = await picture(page, 'large.png', 800, 800, 'image/png', true)
  const before = await page.locator('article[data-mid]').count()
  const session = await ada.context.newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 20, downloadThroughput: -1, uploadThroughput: 150_000 })
  await pick(page, 'media', [large])
  await sendButton(page).click()
  const bar = last(page).getByRole('progressbar')
  await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow'))).toBeGreaterThan(5)
  const seen = Number(await bar.getAttribute('aria-valuenow'))
  await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow'))).toBeGreaterThan(seen)
  const aborted = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/api/v1/files'))
  await last(page).getByRole('button', { name: '取消发送' }).click()
  await aborted
  await expect(page.locator('article[data-mid]')).toHaveCount(before)
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 })

  allowTrouble(page, /415/)
  let refuse = true
  await page.route('**/api/v1/files', (route) => (refuse ? route.fulfill({ status: 415, json: { error: { code: 'unsupported_media' } } }) : route.continue()))
  await pick(page, 'media', [large])
  await sendButton(page).click()
  await expect(last(page)).toHaveAttribute('data-state', 'failed')
  await expect(last(page)).toContainText('不支持这种文件')
  refuse = false
  await sends(page, bo.page, () => last(page).getByRole('button', { name: '重试' }).click(), async (row) => expect(row.getByRole('button', { name: '图片，点按查看' })).toBeVisible())
  await page.unroute('**/api/v1/files')
})

test('what is too large is refused with the limit before it is uploaded M18', async () => {
  const { page } = ada
  await page.getByRole('button', { name: '更多', exact: true }).click()
  await page.locator('[data-pick=file]').evaluate((input: HTMLInputElement) => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(30 * 1024 * 1024)], 'huge.bin'))
    input.files = data.files
    input.dispatchEvent(new Event('change'))
  })
  await expect(page.getByRole('alert').filter({ hasText: '25 MB' })).toBeVisible()
  await expect(sendButton(page)).toBeDisabled()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toBeHidden()
})

test('a picture that was on its way survives a reload M18', async () => {
  const { page } = ada
  let hold = true
  await page.route('**/api/v1/files', (route) => (hold ? undefined : route.continue()))
  await pick(page, 'media', [await picture(page, 'kept.png', 200, 200)])
  await sendButton(page).click()
  await expect(last(page).getByRole('progressbar')).toBeVisible()
  // The next one: the first is held until the reload ends it.
  hold = false
  await sends(page, bo.page, async () => void (await page.reload()), async (row) => expect(row.getByRole('button', { name: '图片，点按查看' })).toBeVisible())
  await page.unroute('**/api/v1/files')
})

test('a file keeps its bytes and its name, and is never shown in place E9 M31', async () => {
  const { page } = ada
  const bytes = Buffer.from('<html><script>alert(1)</script>'.repeat(50))
  await pick(page, 'file', [{ name: '说明 书.html', mimeType: 'text/html', buffer: bytes }])
  await sends(page, bo.page, () => sendButton(page).click(), async (row) => {
    await expect(row).toContainText('说明 书.html')
    await expect(row).toContainText('kB')
    const [download] = await Promise.all([bo.page.waitForEvent('download'), row.getByRole('link', { name: /说明 书.html.*下载/ }).click()])
    expect(download.suggestedFilename()).toBe('说明 书.html')
    const path = await (await download.createReadStream()).toArray()
    const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex')
    expect(hash(Buffer.concat(path as Buffer[]))).toBe(hash(bytes))
    const answer = await bo.api.get((await row.getByRole('link').getAttribute('href')) ?? '')
    expect(answer.headers()['content-disposition']).toMatch(/^attachment/)
  })
})

test('a video has its poster and length, plays when asked, and can be sought in E20 M31', async () => {
  const { page } = ada
  await pick(page, 'media', [await film(page, 'clip.webm', 2)])
  await sends(page, bo.page, () => sendButton(page).click(), async (row) => {
    const play = row.getByRole('button', { name: /^播放视频，0:0[23]$/ })
    await expect(play.locator('img')).toHaveJSProperty('complete', true)
    await expect(row.locator('video')).toHaveCount(0)
    // A row comes in moving.
    await row.evaluate((one) => Promise.all(one.getAnimations({ subtree: true }).map(({ finished }) => finished)))
    const box = await play.boundingBox()
    await play.click()
    const video = row.locator('video')
    await expect.poll(() => video.evaluate((one: HTMLVideoElement) => one.currentTime)).toBeGreaterThan(0.1)
    expect(await video.boundingBox()).toEqual(box)
    const src = (await video.getAttribute('src')) ?? ''
    const part = await bo.api.get(src, { headers: { Range: 'bytes=10-19' } })
    expect(part.status()).toBe(206)
    expect((await part.body()).length).toBe(10)
    await video.evaluate((one: HTMLVideoElement) => (one.currentTime = 1))
    await expect.poll(() => video.evaluate((one: HTMLVideoElement) => one.currentTime)).toBeGreaterThanOrEqual(1)
  })
})

test('a recorded voice has its length and bars, and one plays at a time M19 M31 @smoke @secure', async () => {
  const { page } = ada
  const types = await page.evaluateHandle(() => {
    const types: string[] = []
    const append = FormData.prototype.append
    FormData.prototype.append = function (name: string, value: string | Blob, file?: string) {
      if (!(value instanceof Blob)) return (append as (name: string, value: string) => void).call(this, name, value)
      types.push(value.type)
      append.call(this, name, value, file ?? '')
    }
    return types
  })
  for (let n = 0; n < 2; n++) {
    await page.getByRole('button', { name: '语音', exact: true }).click()
    await expect(page.getByRole('timer')).toHaveText(/0:0[3-9]/)
    await sends(page, bo.page, () => page.getByRole('button', { name: '发送语音' }).click(), async (row) => {
      await expect(row.getByRole('group', { name: /^语音，\d+ 秒$/ })).toBeVisible()
      await expect(row.getByRole('img', { name: '未听' })).toBeVisible()
    })
  }
  expect((await types.jsonValue())[0]).toMatch(/^audio\/(webm|mp4)$/)
  const { entries } = (await (await ada.api.get(`/api/v1/conversations/u:${bo.id}/entries?limit=1`)).json()) as {
    entries: { amount: number; meta: { peaks: number[] } }[]
  }
  expect(entries[0]?.amount).toBeGreaterThanOrEqual(3)
  await expect(last(bo.page)).toContainText(`${entries[0]?.amount}″`)
  expect(entries[0]?.meta.peaks.length).toBeGreaterThanOrEqual(30)

  const voices = bo.page.locator('article[data-mid]').filter({ has: bo.page.locator('[data-voice]') })
  const [first, second] = [voices.nth(0), voices.nth(1)]
  await first.getByRole('button', { name: /^播放语音，\d+ 秒$/ }).click()
  await expect(first.getByRole('button', { name: '暂停' })).toBeVisible()
  await expect.poll(async () => Number(await first.getByRole('slider').inputValue())).toBeGreaterThan(0)
  await expect(first.getByRole('img', { name: '未听' })).toHaveCount(0)
  await second.getByRole('button', { name: /^播放语音，\d+ 秒$/ }).click()
  await expect(second.getByRole('button', { name: '暂停' })).toBeVisible()
  await expect(bo.page.getByRole('button', { name: '暂停' })).toHaveCount(1)
  await second.getByRole('button', { name: /^播放速度/ }).click()
  await expect(second).toContainText('1.5×')
  // Ended by itself, it would go on with the next unheard one.
  await second.getByRole('button', { name: '暂停' }).click()
})

test('after a voice the next unheard one plays D1', async () => {
  const { page } = bo
  await post(ada, `/api/v1/conversations/u:${bo.id}/messages`, await voiceAgain())
  await post(ada, `/api/v1/conversations/u:${bo.id}/messages`, await voiceAgain())
  const unheard = page.getByRole('img', { name: '未听' })
  await expect(unheard).toHaveCount(2)
  const fresh = page.locator('article[data-mid]').filter({ has: unheard }).first()
  await fresh.getByRole('button', { name: /^播放语音，\d+ 秒$/ }).click()
  await expect(unheard).toHaveCount(1)
  await expect(unheard).toHaveCount(0)
  await expect(last(page).getByRole('button', { name: '暂停' })).toBeVisible()
})

let copies = 0
async function voiceAgain(): Promise<unknown> {
  const { entries } = (await (await ada.api.get(`/api/v1/conversations/u:${bo.id}/entries?limit=50`)).json()) as {
    entries: { media: number; url: string; amount: number }[]
  }
  const voice = entries.find((entry) => entry.media === 3)
  return { cid: `copy-${Date.now()}-${copies++}`, media: 3, url: voice?.url, amount: voice?.amount }
}

test('a short press sends nothing and says why M19', async () => {
  const { page } = ada
  const before = await page.locator('article[data-mid]').count()
  const record = page.getByRole('button', { name: '语音', exact: true })
  // Sent as soon as the button can be pressed: there may not be a single sound yet.
  await record.evaluate(
    (button: HTMLElement) =>
      new Promise<void>((resolve) => {
        const look = () => {
          const send = document.querySelector<HTMLElement>('[data-recording] button[aria-label="发送语音"]:enabled')
          if (!send) return void setTimeout(look)
          send.click()
          resolve()
        }
        button.click()
        look()
      }),
  )
  await expect(page.getByText('说话时间太短')).toBeVisible()
  await expect(page.locator('article[data-mid]')).toHaveCount(before)
})

test('a microphone that is pulled out leaves what was said until then M19', async () => {
  const { page } = ada
  await page.evaluate(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async (what) => {
      const stream = await ask(what)
      setTimeout(() => stream.getTracks().forEach((track) => track.stop()), 2_000)
      return stream
    }
  })
  await page.getByRole('button', { name: '语音', exact: true }).click()
  const timer = page.getByRole('timer')
  await expect(timer).toHaveText('0:01')
  await page.waitForTimeout(2_500)
  await expect(timer).toHaveText(/^0:0[12]$/)
  const before = await page.locator('article[data-mid]').count()
  const twice = (button: HTMLElement) => (button.click(), button.click())
  await sends(page, bo.page, () => page.getByRole('button', { name: '发送语音' }).evaluate(twice), async (row) => {
    await expect(row).toContainText('2″')
  })
  await expect(page.locator('article[data-mid]')).toHaveCount(before + 1)
  await page.reload()
})

test('emoji go to the caret, stickers go at once and can be kept M20 D8 M31', async () => {
  const { page } = ada
  await composer(page).fill('前后')
  await composer(page).press('ArrowLeft')
  const disturbed = disturbance()
  const opened = await page.getByRole('button', { name: '表情', exact: true }).evaluate(
    (button: HTMLElement) =>
      new Promise<number>((resolve) => {
        const started = performance.now()
        const look = () => {
          if ((document.querySelector('emoji-picker')?.clientHeight ?? 0) > 0) resolve(performance.now() - started)
          else requestAnimationFrame(look)
        }
        button.click()
        look()
      }),
  )
  tell('the emoji picker is there', opened, PICKER_MS)
  expect(opened).toBeLessThanOrEqual(PICKER_MS * Math.max(disturbed, disturbance()))
  const panel = page.getByRole('dialog', { name: '表情' })
  const emoji = panel.locator('emoji-picker .emoji-menu button.emoji')
  await expect(emoji.first()).toBeVisible()
  const [first, second] = [await emoji.nth(0).getAttribute('aria-label'), await emoji.nth(1).getAttribute('aria-label')]
  expect(first).not.toBe(second)
  await emoji.nth(0).focus()
  await page.keyboard.press('ArrowRight')
  await expect(emoji.nth(1)).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(composer(page)).toHaveValue(/^前\p{Extended_Pictographic}.*后$/u)
  await expect(composer(page)).toBeFocused()
  await composer(page).fill('')

  await panel.getByRole('tab', { name: '小鸟' }).click()
  const { assets } = (await (await ada.api.get('/asset/packs/birds/info.json')).json()) as { assets: string[] }
  const pack = panel.getByRole('group', { name: '小鸟' }).getByRole('button')
  await expect(pack).toHaveCount(assets.length)
  await sends(page, bo.page, () => pack.first().click(), async (row) => {
    const sticker = row.getByRole('button', { name: '表情：你好' })
    await expect(sticker.locator('img')).toHaveJSProperty('complete', true)
    expect((await sticker.boundingBox())?.width).toBeCloseTo(120, 0)
    await sticker.click()
    await bo.page.getByRole('button', { name: '添加到我的表情' }).click()
    await bo.page.getByRole('button', { name: '关闭' }).click()
  })
  await expect(panel).toBeHidden()
  await bo.page.reload()
  await bo.page.getByRole('button', { name: '表情', exact: true }).click()
  await bo.page.getByRole('tab', { name: '我的表情' }).click()
  await sends(bo.page, page, () => bo.page.getByRole('group', { name: '我的表情' }).getByRole('button', { name: '表情：你好' }).click(), async (row) => expect(row.getByRole('button', { name: '表情：你好' })).toBeVisible())

  allowTrouble(page, /ghost/)
  allowTrouble(bo.page, /ghost/)
  await post(ada, `/api/v1/conversations/u:${bo.id}/messages`, { cid: `gone-${Date.now()}`, media: 6, content: 'ghost', url: '/asset/packs/birds/ghost.svg' })
  await expect(rows(bo.page, 'ghost')).toBeVisible()
})
