// The page as people in the LAN have it who were given no certificate: from another address than their own machine's,
// over plain HTTP. `scripts/test --long` runs this and the smoke set where the machine has such an address.

import { composer, exchange, expect, node, person, rows, say, test } from '../world'
import { picture } from '../samples'

test('from an address in the LAN everything that can works, and the rest says why M33 @lan', async ({ browser }) => {
  const ada = await person(browser, { at: node(0), nickname: 'Ada' })
  const bo = await person(browser, { at: node(0), nickname: 'Bo' })
  const { page } = ada
  await page.goto(`/c/u/${bo.id}`)
  await bo.page.goto(`/c/u/${ada.id}`)
  const granted = await page.evaluate(() => [
    isSecureContext, 'clipboard' in navigator, 'mediaDevices' in navigator, 'serviceWorker' in navigator, 'randomUUID' in crypto,
  ])
  expect(granted).toEqual([false, false, false, false, false])

  await exchange(page, bo.page, 'over plain HTTP')
  await exchange(bo.page, page, 'and back')

  await rows(page, 'and back').click({ button: 'right' })
  await page.getByRole('menuitem', { name: '复制' }).click()
  await expect(page.getByRole('status').filter({ hasText: '已复制' })).toBeVisible()
  await composer(page).focus()
  await page.keyboard.press('Control+V')
  await expect(composer(page)).toHaveValue('and back')

  await page.getByRole('button', { name: '更多', exact: true }).click()
  await page.locator('[data-pick=media]').setInputFiles([await picture(page, 'room.png', 640, 480)])
  await page.getByRole('dialog').getByRole('button', { name: /^发送/ }).click()
  const tile = bo.page.getByRole('button', { name: '图片，点按查看' })
  await expect(tile.locator('img').first()).toHaveJSProperty('complete', true)

  await composer(page).fill('')
  await page.getByRole('button', { name: '语音', exact: true }).click()
  await expect(page.getByRole('dialog')).toContainText('HTTPS')
  await page.keyboard.press('Escape')
  await page.goto('/settings')
  await expect(page.getByText('通知需要 HTTPS')).toBeVisible()
  await expect(page.getByRole('switch', { name: '桌面通知', exact: true })).toBeDisabled()

  await page.goto(`/c/u/${bo.id}`)
  await say(page, 'still here')
  await expect(rows(bo.page, 'still here')).toHaveCount(1)
  for (const who of [ada, bo]) await who.context.close()
})
