// Installed and without a network; and on an origin where the browser forbids half of it.

import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { chromium } from '@playwright/test'
import { allowTrouble, composer, expect, LOST_NODE, node, person, post, rows, say, test } from '../world'

test('the page can be installed E15', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada', serviceWorkers: 'allow' })
  const { page } = ada
  await page.goto('/')
  await page.evaluate(() => navigator.serviceWorker.ready)
  const cdp = await ada.context.newCDPSession(page)
  const { installabilityErrors } = (await cdp.send('Page.getInstallabilityErrors')) as { installabilityErrors: { errorId: string }[] }
  expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito')).toEqual([])
  const manifest = (await (await ada.api.get('/manifest.webmanifest')).json()) as { icons: { src: string; sizes: string; purpose?: string }[] }
  for (const { src, sizes } of manifest.icons.filter((one) => one.src.endsWith('.png'))) {
    const size = await page.evaluate(async (url) => {
      const image = new Image()
      image.src = url
      await image.decode()
      return `${image.naturalWidth}x${image.naturalHeight}`
    }, src)
    expect(size, src).toBe(sizes)
  }
  expect(manifest.icons.some(({ purpose }) => purpose === 'maskable')).toBe(true)
  await ada.context.close()
})

test('without a network the page opens with what was read, and sends later what is written E15', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada', serviceWorkers: 'allow' })
  const bo = await person(browser, { at: node(1), nickname: 'Bo' })
  const { page } = ada
  allowTrouble(page, ...LOST_NODE, /Failed to load resource/)
  await post(bo, `/api/v1/conversations/u:${ada.id}/messages`, { cid: `p-${Date.now()}`, media: 1, content: 'read before' })
  await page.goto(`/c/u/${bo.id}`)
  await expect(rows(page, 'read before')).toBeVisible()
  await page.evaluate(() => navigator.serviceWorker.ready)
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  await page.waitForTimeout(2_500)

  await ada.context.setOffline(true)
  await page.reload()
  await expect(rows(page, 'read before')).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Bo' })).toBeVisible()
  await expect(page.getByRole('status').filter({ hasText: /重连/ }).first()).toBeVisible()
  await say(page, 'written offline')
  await expect(rows(page, 'written offline')).toHaveAttribute('data-state', 'pending')
  await ada.context.setOffline(false)
  await post(bo, `/api/v1/conversations/u:${ada.id}/messages`, { cid: `q-${Date.now()}`, media: 1, content: 'meanwhile' })
  await expect(rows(page, 'written offline')).toHaveAttribute('data-state', /sent|read/, { timeout: 20_000 })
  await expect(rows(page, 'meanwhile')).toHaveCount(1)
  for (const who of [ada, bo]) await who.context.close()
})

test('a part that does not come is a new build only where the page names other files E15', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  const { page } = ada
  allowTrouble(page, ...LOST_NODE, /Failed to load resource/, /Failed to fetch dynamically imported module/)
  const offer = page.getByRole('status').filter({ hasText: '有新版本' })
  await page.goto('/')
  await page.waitForLoadState('networkidle')
  await page.route('**/assets/*Sheet-*.js', (route) => route.abort())
  const asked = () => page.waitForResponse((answer) => new URL(answer.url()).pathname === '/')
  const [same] = await Promise.all([asked(), page.keyboard.press('?')])
  expect(same.ok()).toBe(true)
  await expect(offer).toHaveCount(0)

  await page.route((url) => url.pathname === '/', (route) => route.fulfill({ contentType: 'text/html', body: '<script src="/assets/start-another.js"></script>' }))
  await page.evaluate(() => window.dispatchEvent(new Event('vite:preloadError')))
  await expect(offer).toHaveCount(1)
  await ada.context.close()
})

test('a new build is offered, and nothing reloads by itself E15', async ({ browser }) => {
  const front = await frontOf(node(0))
  const ada = await person(browser, { at: front.url, nickname: 'Ada', serviceWorkers: 'allow' })
  const { page } = ada
  await page.goto(`/c/u/${ada.id}`)
  await page.evaluate(() => navigator.serviceWorker.ready)
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  front.nextBuild()
  await composer(page).fill('half a sen')
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update())
  const offer = page.getByRole('button', { name: '刷新以更新' })
  await expect(offer).toBeVisible()
  await expect(composer(page)).toHaveValue('half a sen')
  const reloaded = page.waitForEvent('load')
  await offer.click()
  await reloaded
  await expect(composer(page)).toBeVisible()
  expect(await page.evaluate(() => caches.keys())).toContain('starling-shell-0123456789abcdef')
  await ada.context.close()
  front.close()
})

/** A proxy before the node, whose worker can become that of another build. A test's routes do not see a worker's own requests. */
async function frontOf(target: string): Promise<{ url: string; nextBuild: () => void; close: () => void }> {
  const { hostname, port } = new URL(target)
  let next = false
  const server = createServer((asked, answer) => {
    const worker = asked.url === '/sw.js'
    const headers = { ...asked.headers, ...(worker && { 'accept-encoding': 'identity', 'if-none-match': '' }) }
    const passed = request({ hostname, port, path: asked.url, method: asked.method, headers }, (got) => {
      const kept = { ...got.headers, etag: undefined, 'content-length': undefined }
      if (!worker || !next) {
        answer.writeHead(got.statusCode ?? 502, got.headers)
        got.pipe(answer)
        return
      }
      for (const [name, value] of Object.entries(kept)) if (value !== undefined) answer.setHeader(name, value)
      let text = ''
      got.on('data', (bytes: Buffer) => (text += bytes.toString()))
      got.on('end', () => answer.end(text.replace(/"version":"\w+"/, '"version":"0123456789abcdef"')))
    })
    asked.pipe(passed)
  })
  server.on('upgrade', (asked, socket, head) => {
    const node = connect(Number(port), hostname, () => {
      const lines = asked.rawHeaders.flatMap((name, n) => (n % 2 === 0 ? `${name}: ${asked.rawHeaders[n + 1] ?? ''}` : []))
      node.write(`${asked.method ?? 'GET'} ${asked.url ?? '/'} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      node.write(head)
      socket.pipe(node).pipe(socket)
    })
    node.on('error', () => socket.destroy())
    socket.on('error', () => node.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nextBuild: () => (next = true),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('on plain HTTP of another name everything that can works, and the rest says why M33', async () => {
  // To the browser this name is no loopback: an insecure context, as on http://<address in the LAN>.
  const port = new URL(node(0)).port
  const home = `http://chat.lan:${port}`
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP chat.lan 127.0.0.1'],
  })
  const errors: string[] = []
  const context = await browser.newContext({ baseURL: home, locale: 'zh-CN' })
  const page = await context.newPage()
  page.on('pageerror', (error) => errors.push(error.message))
  await page.goto('/')
  expect(await page.evaluate(() => [isSecureContext, 'serviceWorker' in navigator, 'randomUUID' in crypto])).toEqual([false, false, false])
  await page.getByRole('link', { name: '注册' }).click()
  await page.getByLabel('用户名', { exact: true }).fill(`lan-${Date.now().toString(36)}`)
  await page.getByLabel('密码', { exact: true }).fill('correct horse battery')
  await page.getByLabel('再输入一次密码', { exact: true }).fill('correct horse battery')
  await page.getByRole('button', { name: '注册', exact: true }).click()
  await expect(page.locator('[data-node]')).toContainText(/ms/)

  const me = (await (await context.request.get(`${node(0)}/api/v1/me`, { headers: await cookie() })).json()) as { id: number }
  await page.goto(`/c/u/${me.id}`)
  await say(page, 'over plain HTTP')
  await expect(rows(page, 'over plain HTTP')).toHaveAttribute('data-state', /sent|read/)
  await page.goto('/settings')
  await expect(page.getByText('通知需要 HTTPS')).toBeVisible()
  await expect(page.getByRole('switch', { name: '桌面通知', exact: true })).toBeDisabled()
  expect(errors).toEqual([])
  await browser.close()

  async function cookie(): Promise<Record<string, string>> {
    const all = await context.cookies(home)
    return { Cookie: all.map(({ name, value }) => `${name}=${value}`).join('; ') }
  }
})
