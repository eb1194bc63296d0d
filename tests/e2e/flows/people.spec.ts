// Contacts, profiles, the list's choices, search and keys: three people on three nodes.

import { allowTrouble, composer, expect, node, person, PHONE, post, rows, say, test } from '../world'
import { wires } from '../wires'
import type { Person } from '../world'

let ada: Person
let bo: Person
let cy: Person

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: '安娜' })
  bo = await person(browser, { at: node(1), nickname: '博文' })
  cy = await person(browser, { at: node(2), nickname: '程曦', viewport: PHONE, hasTouch: true })
})

test.afterAll(async () => {
  for (const who of [ada, bo, cy]) await who?.context.close()
})

const contactsTab = (who: Person) => who.page.getByRole('link', { name: /^通讯录/ }).filter({ visible: true })
const listRow = (who: Person, conv: string) => who.page.locator(`[data-conv="${conv}"]`)

test('a request with a message reaches the badge, and accepting fills both lists M21', async () => {
  await bo.page.goto('/contacts')
  await expect(bo.page.getByText('还没有好友')).toBeVisible()
  await ada.page.goto('/contacts')
  await ada.page.getByRole('button', { name: '新建' }).click()
  await ada.page.getByRole('menuitem', { name: '添加好友' }).click()
  const dialog = ada.page.getByRole('dialog', { name: '添加好友' })
  await dialog.getByLabel('名字、昵称').fill(String(bo.id))
  await dialog.getByLabel('附言').fill('我是安娜')
  const found = dialog.getByRole('listitem').filter({ hasText: bo.name })
  await found.getByRole('button', { name: '添加' }).click()
  await expect(found).toContainText('已请求')
  await expect(contactsTab(bo)).toHaveAccessibleName(/1 个新请求/)
  await expect(bo.page.getByText('我是安娜')).toBeVisible()
  await bo.page.getByRole('button', { name: '接受' }).click()
  await expect(bo.page.getByRole('link', { name: /安娜/ })).toBeVisible()
  await expect(contactsTab(bo)).not.toHaveAccessibleName(/新请求/)
  await ada.page.keyboard.press('Escape')
  await expect(ada.page.getByRole('main').or(ada.page.getByRole('region', { name: '通讯录' })).getByRole('link', { name: /博文/ })).toBeVisible()
})

test('oneself, a friend, nobody: each is told M21', async () => {
  await ada.page.getByRole('button', { name: '新建' }).click()
  await ada.page.getByRole('menuitem', { name: '添加好友' }).click()
  const dialog = ada.page.getByRole('dialog', { name: '添加好友' })
  const query = dialog.getByLabel('名字、昵称')
  await query.fill(ada.name)
  await expect(dialog.getByRole('listitem').filter({ hasText: ada.name })).toContainText('这是你')
  await query.fill(bo.name)
  await expect(dialog.getByRole('listitem').filter({ hasText: bo.name })).toContainText('已是好友')
  await query.fill('nobody-has-this-name-xyz')
  await expect(dialog.getByText('没有找到“nobody-has-this-name-xyz”')).toBeVisible()
  await query.fill('  ')
  await query.press('Enter')
  await expect(query).toHaveAttribute('aria-invalid', 'true')
  await expect(query).toHaveAccessibleDescription('请输入要找的人')
  await query.fill(cy.name)
  await expect(query).not.toHaveAttribute('aria-invalid', 'true')
  await ada.page.keyboard.press('Escape')
})

test('who became a friend elsewhere a moment ago is told so M21', async ({ browser }) => {
  const dan = await person(browser, { at: node(1), nickname: '丁丹' })
  const { page } = dan
  const wire = await wires(page)
  await page.goto('/contacts')
  await expect.poll(() => wire.open).toBe(1)
  await page.getByRole('button', { name: '新建' }).click()
  await page.getByRole('menuitem', { name: '添加好友' }).click()
  const dialog = page.getByRole('dialog', { name: '添加好友' })
  await dialog.getByLabel('名字、昵称').fill(bo.name)
  const found = dialog.getByRole('listitem').filter({ hasText: bo.name })
  await expect(found.getByRole('button', { name: '添加' })).toBeVisible()
  wire.blackhole()
  await post(bo, '/api/v1/friends', { id: dan.id })
  await post(dan, '/api/v1/friends', { id: bo.id })
  allowTrouble(page, /409/)
  await found.getByRole('button', { name: '添加' }).click()
  await expect(found.getByRole('alert')).toHaveText('你们已经是好友了')
  await dan.api.delete(`/api/v1/friends/${bo.id}`, { headers: { Origin: dan.base } })
  await dan.context.close()
})

test('a remark is what I call a friend; letters and initials find him M21 D7', async () => {
  await ada.page.getByRole('link', { name: /博文/ }).click()
  await ada.page.getByRole('button', { name: '设置备注名' }).click()
  await ada.page.getByLabel('备注名').fill('研发老王')
  await ada.page.getByRole('button', { name: '保存' }).click()
  await expect(ada.page.getByRole('heading', { name: '研发老王' })).toBeVisible()
  await expect(ada.page.locator('[data-letter="Y"]')).toContainText('研发老王')
  await ada.page.getByRole('searchbox', { name: '查找好友' }).fill('yflw')
  await expect(ada.page.locator('[data-letter="Y"]')).toContainText('研发老王')
  await ada.page.getByRole('searchbox', { name: '查找好友' }).fill('qq')
  await expect(ada.page.getByText('没有匹配的好友')).toBeVisible()
  await ada.page.keyboard.press('Escape')
  await expect(ada.page.locator('[data-letter="Y"]')).toBeVisible()
})

test('blocked people cannot write, and the list lets them go M21', async () => {
  await ada.page.getByRole('button', { name: '加入黑名单' }).click()
  await ada.page.getByRole('button', { name: '确认加入' }).click()
  await expect(ada.page.getByText('已加入黑名单，对方不能给你发消息。')).toBeVisible()
  const refused = await bo.api.post(`/api/v1/conversations/u:${ada.id}/messages`, {
    data: { cid: `blocked-${ada.id}`, media: 1, content: 'hello' },
    headers: { Origin: bo.base },
  })
  expect(refused.status()).toBe(403)
  await ada.page.getByRole('button', { name: /^黑名单/ }).click()
  const dialog = ada.page.getByRole('dialog', { name: '黑名单' })
  await dialog.getByRole('button', { name: '移出黑名单' }).click()
  await expect(dialog.getByText('黑名单是空的')).toBeVisible()
  await ada.page.keyboard.press('Escape')
})

test('a deleted friend is gone from both lists, and can be asked again M21', async ({ browser }) => {
  const dan = await person(browser, { at: node(2), nickname: '丁丹' })
  await post(dan, '/api/v1/friends', { id: bo.id })
  await post(bo, '/api/v1/friends', { id: dan.id })
  for (const [who, name] of [[dan, '博文'], [bo, '丁丹']] as const) {
    await who.page.goto('/contacts')
    await expect(who.page.getByRole('link', { name })).toBeVisible()
  }
  await dan.page.getByRole('link', { name: '博文' }).click()
  await dan.page.getByRole('button', { name: '删除好友' }).click()
  await expect(dan.page.getByRole('link', { name: '博文' })).toBeVisible()
  await dan.page.getByRole('button', { name: '确认删除' }).click()
  await expect(dan.page.getByRole('link', { name: '博文' })).toHaveCount(0)
  await expect(bo.page.getByRole('link', { name: '丁丹' })).toHaveCount(0)
  const { friends } = (await (await bo.api.get('/api/v1/friends')).json()) as { friends: { user: { id: number } }[] }
  expect(friends.map(({ user }) => user.id)).not.toContain(dan.id)
  await expect(dan.page.getByRole('button', { name: /添加/ }).filter({ visible: true }).first()).toBeVisible()
  await dan.context.close()
})

test('a row drawn aside by a finger is pinned and hidden D2', async ({ browser }) => {
  const dan = await person(browser, { at: node(0), nickname: '丁丹', viewport: PHONE, hasTouch: true, isMobile: true })
  for (const who of [bo, cy]) await say2(who, dan, `from ${who.nickname}`)
  await dan.page.goto('/')
  const first = dan.page.locator('[data-conv]').first()
  await expect(first).toHaveAttribute('data-conv', `u:${cy.id}`)
  const touch = await dan.context.newCDPSession(dan.page)
  const draw = async (who: Person, by: number) => {
    const box = await listRow(dan, `u:${who.id}`).boundingBox()
    if (!box) throw new Error('no row')
    const at = (dx: number) => [{ x: box.x + box.width - 40 + dx, y: box.y + box.height / 2 }]
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) })
    for (let dx = 0; dx >= by; dx -= 15) await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(dx) })
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  }
  await draw(bo, -30)
  await expect(dan.page.getByRole('button', { name: '置顶', exact: true })).toHaveCount(0)
  await draw(bo, -150)
  await dan.page.getByRole('button', { name: '置顶', exact: true }).click()
  await expect(first).toHaveAttribute('data-conv', `u:${bo.id}`)
  await draw(bo, -150)
  await expect(dan.page.getByRole('button', { name: '取消置顶' })).toBeVisible()
  await dan.page.getByRole('button', { name: '隐藏', exact: true }).click()
  await expect(listRow(dan, `u:${bo.id}`)).toHaveCount(0)
  expect(new URL(dan.page.url()).pathname).toBe('/')
  await dan.context.close()
})

test('presence crosses nodes and ends with the last page E5', async () => {
  await ada.page.goto(`/contacts/${bo.id}`)
  const status = ada.page.getByRole('main').getByText(/^在线$|最近在线/)
  await expect(status).toHaveText('在线')
  await bo.page.goto('about:blank')
  await expect(status).toHaveText(/最近在线|不在线/, { timeout: 20_000 })
  await bo.page.goto('/')
  await expect(status).toHaveText('在线', { timeout: 5_000 })
})

test('a new nickname and picture show at others at once M23', async () => {
  await bo.page.goto(`/c/u/${ada.id}`)
  await say(bo.page, 'before the change')
  await ada.page.goto(`/contacts/${bo.id}`)
  await bo.page.goto('/settings/profile')
  await bo.page.getByLabel('昵称').fill('博文二世')
  await bo.page.getByRole('button', { name: '保存' }).click()
  await expect(ada.page.getByText('博文二世')).toBeVisible({ timeout: 5_000 })

  const png = await bo.page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 400
    const context = canvas.getContext('2d')
    if (!context) throw new Error('no canvas')
    context.fillStyle = '#0b7a5e'
    context.fillRect(0, 0, 640, 400)
    return canvas.toDataURL('image/png').split(',')[1] ?? ''
  })
  await bo.page.locator('input[type=file]').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: Buffer.from(png, 'base64') })
  const crop = bo.page.getByRole('dialog', { name: '裁剪头像' })
  await crop.getByRole('button', { name: '放大' }).click()
  await crop.getByRole('button', { name: '使用' }).click()
  await expect(crop).toBeHidden()
  await expect(bo.page.locator('form img[src^="/files/"]')).toBeVisible()
  await expect(ada.page.getByRole('main').locator('img[src^="/files/"]')).toBeVisible({ timeout: 5_000 })
})

test('a wrong password is told beside its field, and a right one is changed M23', async () => {
  allowTrouble(bo.page, /\b401\b/)
  await bo.page.getByLabel('当前密码', { exact: true }).fill('not the password')
  await bo.page.getByLabel('新密码', { exact: true }).fill('another horse battery')
  await bo.page.getByLabel('再输一次新密码').fill('another horse')
  await bo.page.getByRole('button', { name: '修改密码' }).click()
  await expect(bo.page.getByText('两次输入的密码不一样')).toBeVisible()
  await bo.page.getByLabel('再输一次新密码').fill('another horse battery')
  await bo.page.getByRole('button', { name: '修改密码' }).click()
  await expect(bo.page.getByText('当前密码不对')).toBeVisible()
  await bo.page.getByLabel('当前密码', { exact: true }).fill(bo.password)
  await bo.page.getByRole('button', { name: '修改密码' }).click()
  await expect(bo.page.getByText('密码已修改')).toBeVisible()
})

test('pinned, muted, marked and hidden conversations E12 E23', async () => {
  await post(cy, '/api/v1/friends', { id: ada.id })
  await say2(cy, ada, 'from cy')
  await say2(bo, ada, 'from bo')
  await ada.page.goto('/')
  const first = ada.page.locator('[data-conv]').first()
  await expect(first).toHaveAttribute('data-conv', `u:${bo.id}`)
  const cyRow = listRow(ada, `u:${cy.id}`)
  await cyRow.click({ button: 'right' })
  await ada.page.getByRole('menuitem', { name: '置顶' }).click()
  await expect(first).toHaveAttribute('data-conv', `u:${cy.id}`)
  await ada.page.reload()
  await expect(first).toHaveAttribute('data-conv', `u:${cy.id}`)

  await listRow(ada, `u:${bo.id}`).click({ button: 'right' })
  await ada.page.getByRole('menuitem', { name: '消息免打扰' }).click()
  await expect(listRow(ada, `u:${bo.id}`).locator('[data-dot]')).toBeVisible()
  await expect(ada.page).toHaveTitle(/^\(1\)/)

  await ada.page.getByRole('button', { name: '新建' }).click()
  await ada.page.getByRole('menuitem', { name: '全部标为已读' }).click()
  await expect(cyRow).not.toContainText('未读')
  await expect(ada.page).toHaveTitle('Starling')

  await cyRow.focus()
  await ada.page.keyboard.press('Shift+F10')
  await ada.page.getByRole('menuitem', { name: '标为未读' }).click()
  await expect(cyRow).toContainText('标为未读')
  await ada.page.reload()
  await expect(cyRow.locator('[data-dot]')).toBeVisible()
  await cyRow.click()
  await expect(cyRow.locator('[data-dot]')).toBeHidden()

  await listRow(ada, `u:${bo.id}`).click({ button: 'right' })
  await ada.page.getByRole('menuitem', { name: '从列表中隐藏' }).click()
  await expect(listRow(ada, `u:${bo.id}`)).toBeHidden()
  await say2(bo, ada, 'here again')
  await expect(listRow(ada, `u:${bo.id}`)).toContainText('here again')
})

test('people, groups and messages from one box; a hit is marked and leads to its place E8', async () => {
  await say2(bo, ada, '今晚升级第三个节点')
  await ada.page.goto('/')
  const box = ada.page.getByRole('searchbox', { name: '搜索联系人、群组、消息' })
  await box.fill('升级')
  const results = ada.page.getByRole('region', { name: '搜索结果' })
  await expect(results.locator('mark')).toHaveText('升级')
  await box.press('ArrowDown')
  await expect(results.getByRole('button', { name: /今晚升级/ })).toBeFocused()
  await ada.page.keyboard.press('Enter')
  await expect(ada.page).toHaveURL(new RegExp(`/c/u/${bo.id}`))
  await expect(rows(ada.page, '今晚升级第三个节点')).toBeInViewport()

  await box.fill('yflw')
  await expect(results.getByRole('link', { name: '研发老王' })).toBeVisible()
  await box.press('Escape')
  await expect(results).toBeHidden()

  await ada.page.getByRole('button', { name: '查找聊天记录' }).first().click()
  const panel = ada.page.getByRole('complementary', { name: '查找聊天记录' })
  await panel.getByRole('searchbox').fill('节点')
  await expect(panel.locator('mark')).toHaveText('节点')
  await panel.getByRole('searchbox').fill('not to be found')
  await expect(panel.getByText('没有找到“not to be found”')).toBeVisible()
  await ada.page.keyboard.press('Escape')
  await expect(panel).toBeHidden()
})

test('keys: switcher by initials, next and previous, the sheet; none while typing E14 D7', async () => {
  await ada.page.goto('/')
  await expect(listRow(ada, `u:${bo.id}`)).toBeVisible()
  await ada.page.keyboard.press('Control+k')
  const switcher = ada.page.getByRole('dialog', { name: '快速切换' })
  await switcher.getByRole('combobox').fill('yflw')
  await expect(switcher.getByRole('option').first()).toContainText('研发老王')
  await ada.page.keyboard.press('Enter')
  await expect(ada.page).toHaveURL(new RegExp(`/c/u/${bo.id}$`))
  await ada.page.keyboard.press('Alt+ArrowUp')
  await expect(ada.page).toHaveURL(new RegExp(`/c/u/${cy.id}$`))
  await ada.page.keyboard.press('Alt+ArrowDown')
  await expect(ada.page).toHaveURL(new RegExp(`/c/u/${bo.id}$`))
  await composer(ada.page).fill('')
  await composer(ada.page).press('?')
  await expect(composer(ada.page)).toHaveValue('?')
  await composer(ada.page).fill('')
  await ada.page.goto('/')
  await expect(listRow(ada, `u:${bo.id}`)).toBeVisible()
  await ada.page.keyboard.press('?')
  await expect(ada.page.getByRole('dialog', { name: '键盘快捷键' })).toBeVisible()
  await ada.page.keyboard.press('Escape')
  await expect(ada.page.getByRole('dialog')).toBeHidden()
})

test('my QR code leads to my page D6', async () => {
  await ada.page.goto('/settings/profile')
  await ada.page.getByRole('button', { name: '我的二维码' }).click()
  await expect(ada.page.locator('[data-qr]')).toHaveAttribute('data-qr', `${ada.base}/contacts/${ada.id}`)
  await ada.page.keyboard.press('Escape')
})

test('on a phone: list, chat, back; the same scroll; targets of 44 px M26', async () => {
  for (let n = 0; n < 14; n++) await post(cy, '/api/v1/groups', { name: `群 ${n}` })
  await cy.page.goto('/')
  await expect(cy.page.locator('[data-conv]').nth(12)).toBeVisible()
  const row = cy.page.locator('[data-conv]').nth(11)
  await row.scrollIntoViewIfNeeded()
  const top = () => row.evaluate((element) => element.getBoundingClientRect().top)
  const before = await top()
  await row.tap()
  await expect(composer(cy.page)).toBeVisible()
  await expect(cy.page.getByRole('navigation', { name: '主导航' })).toBeHidden()
  await cy.page.goBack()
  await expect(row).toBeVisible()
  expect(Math.abs((await top()) - before)).toBeLessThanOrEqual(2)
  await contactsTab(cy).tap()
  await expect(cy.page).toHaveURL(/\/contacts$/)
  await cy.page.goBack()
  await expect(row).toBeVisible()
  expect(Math.abs((await top()) - before)).toBeLessThanOrEqual(2)
  for (const path of ['/', '/contacts', '/groups', '/settings/profile']) {
    await cy.page.goto(path)
    await expect(cy.page.getByRole('button').first()).toBeVisible()
    const small = await cy.page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('a, button, input:not([type=file], [type=radio], [type=checkbox])')]
        .filter((element) => element.checkVisibility() && !element.closest('.sr-only, [hidden]'))
        .map((element) => ({ name: element.getAttribute('aria-label') ?? element.textContent?.trim(), box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && (box.height < 43.5 || box.width < 43.5))
        .map(({ name, box }) => `${name} ${Math.round(box.width)}×${Math.round(box.height)}`),
    )
    expect(small, path).toEqual([])
  }
})

async function say2(from: Person, to: Person, content: string): Promise<void> {
  await post(from, `/api/v1/conversations/u:${to.id}/messages`, { cid: `${from.id}-${Date.now()}-${content.length}`, media: 1, content })
}
