// What the other flows rely on to notice trouble notices it.

import { allowTrouble, expect, faultsOf, node, person, test } from '../world'

test('a page tells what must never happen on it @smoke', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  const { page } = ada
  await page.goto('/')
  await expect(page.locator('[data-node]')).toBeVisible()
  expect(faultsOf(page)).toEqual([])

  const causes: [RegExp, () => Promise<unknown>][] = [
    [/^pageerror: thrown/, () => page.evaluate(() => void setTimeout(() => { throw new Error('thrown') }))],
    [/^console: told/, () => page.evaluate(() => console.error('told'))],
    [/CSP: connect-src/, () => page.evaluate(() => fetch('http://127.0.0.1:1/').catch(() => null))],
    [/CSP: script-src/, () => page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'void 0'
      document.head.append(script)
    })],
    [/^secret in a URL/, () => page.evaluate(() => fetch('/healthz?token=x'))],
    [/^503 from/, async () => {
      await page.route('/api/v1/made-up', (route) => route.fulfill({ status: 503 }))
      await page.evaluate(() => fetch('/api/v1/made-up'))
    }],
  ]
  for (const [fault, cause] of causes) {
    await cause()
    const found: string[] = []
    await expect.poll(() => found.push(...faultsOf(page)) && found.some((text) => fault.test(text)), `${fault}`).toBe(true)
  }

  // Another origin that no policy forbids is noticed by who it is, not by how it ends.
  const foreign = await browser.newContext()
  const other = await foreign.newPage()
  await other.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<img src="http://elsewhere.invalid/x">' }))
  await other.goto(node(0))
  await expect.poll(() => faultsOf(other).join()).toContain('off-origin: http://elsewhere.invalid/x')

  allowTrouble(page, /^console: expected/)
  await page.evaluate(() => console.error('expected'))
  await page.evaluate(() => console.error('not expected'))
  await expect.poll(() => faultsOf(page)).toEqual([expect.stringContaining('not expected')])
  await foreign.close()
  await ada.context.close()
})
