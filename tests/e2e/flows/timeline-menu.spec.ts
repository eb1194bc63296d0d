// What can be done with a message: the menu by all its ways, copying, recalling, editing, reacting, choosing, forwarding.

import { composer, DESK, expect, node, person, PHONE, post, rows, say, test, write } from '../world'
import type { Person } from '../world'
import type { Locator, Page } from '@playwright/test'

let ada: Person
let bo: Person
let cy: Person
let group = 0

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada', permissions: ['clipboard-read', 'clipboard-write'] })
  bo = await person(browser, { at: node(1), nickname: 'Bo', viewport: PHONE, hasTouch: true, isMobile: true })
  cy = await person(browser, { at: node(2), nickname: 'Cy' })
  const made = (await post(ada, '/api/v1/groups', { name: 'Timeline', members: [bo.id, cy.id] })) as { id: number }
  group = made.id
  await ada.page.goto(`/c/u/${bo.id}`)
  await bo.page.goto(`/c/u/${ada.id}`)
})

test.afterAll(async () => {
  for (const who of [ada, bo, cy]) await who?.context.close()
})

const menu = (page: Page) => page.getByRole('menu', { name: '消息操作' })
const bubble = (row: Locator) => row.locator('[data-bubble]')
const system = (page: Page, text: string) => page.getByRole('region', { name: '消息记录' }).locator('p[data-mid]').filter({ hasText: text })

async function choose(page: Page, row: Locator, name: string): Promise<void> {
  await bubble(row).click({ button: 'right' })
  await menu(page).getByRole('menuitem', { name, exact: true }).click()
  await expect(menu(page)).toHaveCount(0)
}

async function names(page: Page): Promise<string[]> {
  await expect(menu(page)).toBeVisible()
  const items = await menu(page).getByRole('menuitem').allInnerTexts()
  return items.map((text) => text.trim()).filter((text) => /[一-鿿]/.test(text))
}

test('the four ways to the menu of a message M24', async () => {
  await say(ada.page, 'menu me')
  const row = rows(ada.page, 'menu me')
  await expect(row).toHaveAttribute('data-state', /sent|read/)

  await bubble(row).click({ button: 'right' })
  await expect(menu(ada.page)).toBeVisible()
  const offered = await names(ada.page)
  expect(offered).toEqual(['回复', '复制', '编辑', '转发', '多选', '详情', '撤回', '删除'])
  await ada.page.keyboard.press('Escape')
  await expect(menu(ada.page)).toHaveCount(0)

  await row.hover()
  await row.getByRole('button', { name: '消息操作' }).click()
  expect(await names(ada.page)).toEqual(offered)
  await ada.page.keyboard.press('Escape')

  await row.focus()
  await ada.page.keyboard.press('Shift+F10')
  expect(await names(ada.page)).toEqual(offered)
  await expect(menu(ada.page).getByRole('menuitem').first()).toBeFocused()
  await ada.page.keyboard.press('ArrowDown')
  await expect(menu(ada.page).getByRole('menuitem').nth(1)).toBeFocused()
  await ada.page.keyboard.press('End')
  await expect(menu(ada.page).getByRole('menuitem', { name: '删除' })).toBeFocused()
  await ada.page.keyboard.press('Escape')
  await expect(menu(ada.page)).toHaveCount(0)
  await expect(row).toBeFocused()
})

test('a long press opens the menu as a sheet and selects no text M24 M26', async () => {
  const row = rows(bo.page, 'menu me')
  const box = await bubble(row).boundingBox()
  if (!box) throw new Error('no bubble')
  const touch = await bo.page.context().newCDPSession(bo.page)
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point] })
  await expect(menu(bo.page)).toBeVisible()
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  // The finger goes up over the sheet or the row: neither chooses anything.
  await expect(menu(bo.page)).toBeVisible()
  expect(await bo.page.evaluate(() => getSelection()?.toString())).toBe('')
  expect(await names(bo.page)).toEqual(['回复', '复制', '转发', '多选', '详情', '删除'])
  const sheet = await menu(bo.page).boundingBox()
  expect(Math.round((sheet?.y ?? 0) + (sheet?.height ?? 0))).toBe(PHONE.height)
  expect(Math.round(sheet?.width ?? 0)).toBe(PHONE.width)
  for (const item of await menu(bo.page).getByRole('menuitem').all()) {
    const target = await item.boundingBox()
    expect(Math.min(target?.width ?? 0, target?.height ?? 0)).toBeGreaterThanOrEqual(44)
  }
  await bo.page.touchscreen.tap(PHONE.width / 2, 100)
  await expect(menu(bo.page)).toHaveCount(0)
})

test('a short touch and a scroll open no menu M24', async () => {
  await bubble(rows(bo.page, 'menu me')).tap()
  await bo.page.waitForTimeout(700)
  await expect(menu(bo.page)).toHaveCount(0)
})

test('copying puts the text on the clipboard M24', async () => {
  await choose(ada.page, rows(ada.page, 'menu me'), '复制')
  await expect(ada.page.getByRole('status').filter({ hasText: '已复制' })).toBeVisible()
  expect(await ada.page.evaluate(() => navigator.clipboard.readText())).toBe('menu me')
})

test('a recalled message is gone on both sides and can be written anew M25', async () => {
  await say(ada.page, 'said in haste')
  await expect(rows(bo.page, 'said in haste')).toBeVisible()
  const seq = Number(await rows(ada.page, 'said in haste').getAttribute('data-mid'))
  await choose(ada.page, rows(ada.page, 'said in haste'), '撤回')
  await expect(system(ada.page, '你撤回了一条消息')).toBeVisible()
  await expect(system(bo.page, '对方撤回了一条消息')).toBeVisible()
  await expect(ada.page.getByText('said in haste')).toHaveCount(0)
  await expect(bo.page.getByText('said in haste')).toHaveCount(0)
  await system(ada.page, '你撤回了').getByRole('button', { name: '重新编辑' }).click()
  await expect(composer(ada.page)).toHaveValue('said in haste')
  await expect(composer(ada.page)).toBeFocused()
  await composer(ada.page).fill('')
  const again = await ada.api.delete(`/api/v1/entries/${seq}`, { headers: { Origin: ada.base } })
  expect(again.status()).toBe(410)
})

test('after two minutes by the server\'s clock recalling is not offered and not done M25', async ({ browser }) => {
  const late = await person(browser, { at: node(0), nickname: 'Late' })
  // The page believes the server's clock, not this machine's: here it greets with a time beyond the limit.
  let ahead = 0
  await late.page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((frame) => {
      const hello = typeof frame === 'string' && frame.includes('"type":"hello"') ? (JSON.parse(frame) as { server_time: number }) : null
      socket.send(hello ? JSON.stringify({ ...hello, server_time: hello.server_time + ahead }) : frame)
    })
  })
  await late.page.goto(`/c/u/${late.id}`)
  await say(late.page, 'to be kept')
  await expect(rows(late.page, 'to be kept')).toHaveAttribute('data-state', /sent|read/)
  await bubble(rows(late.page, 'to be kept')).click({ button: 'right' })
  expect(await names(late.page)).toContain('撤回')
  ahead = 121_000
  await late.page.reload()
  await expect(rows(late.page, 'to be kept')).toBeVisible()
  await expect(late.page.locator('[data-node]')).toContainText(/ms/)
  await bubble(rows(late.page, 'to be kept')).click({ button: 'right' })
  expect(await names(late.page)).not.toContain('撤回')
  await late.context.close()
})

test('in a group the name says who recalled, and list, quote and search lose the text M25 E1', async () => {
  await ada.page.goto(`/c/g/${group}`)
  await cy.page.goto(`/c/g/${group}`)
  await bo.page.goto('/')
  await say(ada.page, 'group secret xyzzy')
  await choose(cy.page, rows(cy.page, 'group secret xyzzy'), '回复')
  await say(cy.page, 'what secret?')
  await expect(rows(ada.page, 'what secret?').locator('[data-quote]')).toContainText('group secret xyzzy')
  await say(ada.page, 'second secret')
  await expect(bo.page.locator(`[data-conv="g:${group}"]`)).toContainText('second secret')

  for (const text of ['group secret xyzzy', 'second secret']) {
    await choose(ada.page, rows(ada.page, text).filter({ hasNotText: 'what secret?' }), '撤回')
  }
  await expect(system(cy.page, '“Ada”撤回了一条消息')).toHaveCount(2)
  await expect(rows(ada.page, 'what secret?').locator('[data-quote]')).toContainText('引用内容已撤回')
  await expect(rows(cy.page, 'what secret?').locator('[data-quote]')).toContainText('引用内容已撤回')
  await expect(bo.page.locator(`[data-conv="g:${group}"]`)).toContainText('“Ada”撤回了一条消息')
  const found = await cy.api.get(`/api/v1/search?q=xyzzy`)
  expect(((await found.json()) as { entries: unknown[] }).entries).toEqual([])
})

test('an edited text is shown to all, with its mark', async () => {
  await say(ada.page, 'helo evrybody')
  await expect(rows(cy.page, 'helo evrybody')).toBeVisible()
  await composer(ada.page).press('ArrowUp')
  await expect(composer(ada.page)).toHaveValue('helo evrybody')
  await composer(ada.page).fill('hello everybody')
  await composer(ada.page).press('Enter')
  await expect(rows(ada.page, 'hello everybody')).toContainText('已编辑')
  await expect(rows(cy.page, 'hello everybody')).toContainText('已编辑')
  await expect(composer(ada.page)).toHaveValue('')
  await cy.page.reload()
  await expect(rows(cy.page, 'hello everybody')).toContainText('已编辑')
  await choose(ada.page, rows(ada.page, 'hello everybody'), '编辑')
  await composer(ada.page).press('Escape')
  await expect(ada.page.locator('[data-task]')).toHaveCount(0)
})

test('two react on two nodes, and toggling twice leaves nothing E10', async () => {
  const on = (page: Page) => rows(page, 'hello everybody').getByRole('button', { name: /^👍/ })
  for (const who of [ada, cy]) {
    await bubble(rows(who.page, 'hello everybody')).click({ button: 'right' })
    await menu(who.page).getByRole('menuitem', { name: '回应 👍' }).click()
  }
  for (const who of [ada, cy]) {
    await expect(on(who.page)).toHaveText('👍2')
    await expect(on(who.page)).toHaveAttribute('aria-pressed', 'true')
  }
  await expect(on(ada.page)).toHaveAccessibleName(/Cy/)
  await on(cy.page).click()
  await expect(on(ada.page)).toHaveText('👍1')
  await expect(on(cy.page)).toHaveAttribute('aria-pressed', 'false')
  await ada.page.reload()
  await expect(on(ada.page)).toHaveText('👍1')
  await on(ada.page).click()
  await expect(on(ada.page)).toHaveCount(0)
  await expect(on(cy.page)).toHaveCount(0)
})

test('any emoji can be a reaction, beside the six at hand E10', async () => {
  await bubble(rows(ada.page, 'hello everybody')).click({ button: 'right' })
  await expect(menu(ada.page).getByRole('menuitem', { name: /^回应/ })).toHaveCount(6)
  await menu(ada.page).getByRole('menuitem', { name: '更多表情' }).click()
  const dialog = ada.page.getByRole('dialog')
  await dialog.getByRole('combobox').fill('火箭')
  await dialog.getByRole('option', { name: /火箭/ }).or(dialog.getByRole('menuitem', { name: /火箭/ })).first().click()
  await expect(dialog).toHaveCount(0)
  const on = (page: Page) => rows(page, 'hello everybody').getByRole('button', { name: /^🚀/ })
  for (const who of [ada, cy]) await expect(on(who.page)).toHaveText('🚀1')
  await on(ada.page).click()
  await expect(on(cy.page)).toHaveCount(0)
})

test('what is deleted is gone for me alone, also after a reload and on my other page M24', async () => {
  const second = await ada.context.newPage()
  await second.goto(`/c/g/${group}`)
  await expect(rows(second, 'hello everybody')).toBeVisible()
  await choose(ada.page, rows(ada.page, 'hello everybody'), '删除')
  await expect(rows(ada.page, 'hello everybody')).toHaveCount(0)
  await expect(rows(second, 'hello everybody')).toHaveCount(0)
  await second.close()
  await ada.page.reload()
  await expect(rows(ada.page, 'what secret?')).toBeVisible()
  await expect(rows(ada.page, 'hello everybody')).toHaveCount(0)
  await expect(rows(cy.page, 'hello everybody')).toBeVisible()
})

test('three messages go on to two conversations in order, and as one E22', async () => {
  for (const n of [1, 2, 3]) await say(cy.page, `part ${n}`)
  await expect(rows(cy.page, 'part 3')).toHaveAttribute('data-state', /sent|read/)
  await post(cy, `/api/v1/conversations/u:${ada.id}/messages`, { cid: 'first', media: 1, content: 'hi Ada' })
  await choose(cy.page, rows(cy.page, 'part 1'), '多选')
  for (const n of [3, 2]) await cy.page.getByRole('checkbox', { name: `选择：part ${n}` }).check()
  await expect(cy.page.getByRole('toolbar')).toContainText('已选 3 条')
  await cy.page.getByRole('button', { name: '逐条转发' }).click()
  const dialog = cy.page.getByRole('dialog', { name: '转发给' })
  await dialog.getByRole('checkbox', { name: 'Ada' }).check()
  await dialog.getByRole('checkbox', { name: '我的笔记' }).or(dialog.getByRole('checkbox', { name: 'Timeline' })).first().check()
  await dialog.getByRole('button', { name: '发送' }).click()
  await expect(dialog).toHaveCount(0)
  await expect(cy.page.getByRole('toolbar')).toHaveCount(0)
  await ada.page.goto(`/c/u/${cy.id}`)
  await expect(rows(ada.page, 'part 3')).toBeVisible()
  const texts = await ada.page.locator('article[data-mid]').allInnerTexts()
  expect(texts.flatMap((text) => /part \d/.exec(text)?.[0] ?? [])).toEqual(['part 1', 'part 2', 'part 3'])
  await expect(rows(cy.page, 'part 1')).toHaveCount(2)

  await choose(cy.page, rows(cy.page, 'part 1').first(), '多选')
  await cy.page.getByRole('checkbox', { name: '选择：part 2' }).first().check()
  await cy.page.getByRole('button', { name: '合并转发' }).click()
  await dialog.getByRole('checkbox', { name: 'Ada' }).check()
  await dialog.getByRole('button', { name: '发送' }).click()
  const card = ada.page.getByRole('button', { name: /Timeline的聊天记录/ })
  await expect(card).toContainText('Cy：part 1')
  await card.click()
  const records = ada.page.getByRole('dialog', { name: 'Timeline的聊天记录' })
  await expect(records.getByRole('listitem')).toHaveCount(2)
  await ada.page.keyboard.press('Escape')
  await expect(records).toHaveCount(0)
})

test('chosen messages are deleted for me E22', async () => {
  await choose(cy.page, rows(cy.page, 'part 1').first(), '多选')
  await cy.page.getByRole('checkbox', { name: '选择：part 2' }).first().check()
  await cy.page.getByRole('toolbar').getByRole('button', { name: '删除' }).click()
  await expect(rows(cy.page, 'part 1')).toHaveCount(1)
  await expect(rows(cy.page, 'part 2')).toHaveCount(1)
  await expect(composer(cy.page)).toBeVisible()
})

test('who has read a message in a group is listed E6', async () => {
  // Higher than the phone that reads last.
  await write(cy, `g:${group}`, 'a long story '.repeat(80))
  await ada.page.setViewportSize(DESK)
  await ada.page.goto(`/c/g/${group}`)
  await say(ada.page, 'read this please')
  await expect(rows(cy.page, 'read this please')).toBeVisible()
  await expect(rows(ada.page, 'read this please').getByRole('button', { name: '1 人已读' })).toBeVisible()
  await rows(ada.page, 'read this please').getByRole('button', { name: '1 人已读' }).click()
  const dialog = ada.page.getByRole('dialog', { name: '消息详情' })
  await expect(dialog.getByRole('list', { name: '已读的人' })).toContainText('Cy')
  await ada.page.keyboard.press('Escape')
  await bo.page.goto(`/c/g/${group}`)
  // He begins at the first message that he has not seen; the last one is read when he gets there.
  await bo.page.getByRole('button', { name: /回到底部/ }).click()
  await expect(rows(ada.page, 'read this please').getByRole('button', { name: '全部已读' })).toBeVisible()
})
