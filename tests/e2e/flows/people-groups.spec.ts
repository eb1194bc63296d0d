// Groups: made, joined in every way, administered; what is forbidden is not offered and refused.

import { allowTrouble, composer, expect, node, person, post, rows, say, test } from '../world'
import { wires } from '../wires'
import type { Person } from '../world'

let ada: Person
let bo: Person
let cy: Person
let group = 0

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: '安娜' })
  bo = await person(browser, { at: node(1), nickname: '博文' })
  cy = await person(browser, { at: node(2), nickname: '程曦' })
  await post(ada, '/api/v1/friends', { id: bo.id })
  await post(bo, '/api/v1/friends', { id: ada.id })
})

test.afterAll(async () => {
  for (const who of [ada, bo, cy]) await who?.context.close()
})

const history = (who: Person) => who.page.getByRole('region', { name: '消息记录' })
const panel = (who: Person) => who.page.getByRole('complementary', { name: '群信息' })

async function actOn(who: Person, name: string, action: string): Promise<void> {
  await panel(who).getByRole('button', { name: `对 ${name} 的操作` }).click()
  await who.page.getByRole('menuitem', { name: action }).click()
}

async function change(who: Person, path: string, method: 'PATCH' | 'DELETE', data?: unknown): Promise<number> {
  return (await who.api.fetch(path, { method, data, headers: { Origin: who.base } })).status()
}

test('a group with picture, category, introduction and friends M22', async () => {
  await ada.page.goto('/')
  await ada.page.getByRole('button', { name: '新建' }).click()
  await ada.page.getByRole('menuitem', { name: '创建群组' }).click()
  const dialog = ada.page.getByRole('dialog', { name: '创建群组' })
  await dialog.getByRole('button', { name: '创建', exact: true }).click()
  await expect(dialog.getByText('请填写群名')).toBeVisible()
  await dialog.getByLabel('群名').fill('研发一组')
  await dialog.getByLabel('简介与公告').fill('周会改到周三')
  await dialog.getByLabel('分类').selectOption('2')
  await dialog.getByRole('checkbox', { name: '博文' }).check()
  await dialog.getByRole('button', { name: '创建', exact: true }).click()
  await expect(ada.page).toHaveURL(/\/c\/g\/\d+$/)
  group = Number(/\/c\/g\/(\d+)$/.exec(ada.page.url())?.[1])
  await expect(history(ada).getByText('你 创建了群组')).toBeVisible()
  await expect(panel(ada).getByRole('heading', { name: '成员 · 2' })).toBeVisible()
  await expect(ada.page.getByRole('region', { name: '群公告' }).first()).toContainText('周会改到周三')
})

test('joining by number tells everybody; joining twice is told M22', async () => {
  await cy.page.goto('/groups')
  await cy.page.getByRole('button', { name: '新建' }).click()
  await cy.page.getByRole('menuitem', { name: '加入群组' }).click()
  const dialog = cy.page.getByRole('dialog', { name: '加入群组' })
  await dialog.getByLabel('群名或编号').fill(String(group))
  await dialog.getByRole('button', { name: '加入', exact: true }).click()
  await expect(cy.page).toHaveURL(new RegExp(`/c/g/${group}$`))
  await expect(history(ada).getByText('程曦 加入了群组')).toBeVisible()
  await expect(panel(ada).getByRole('heading', { name: '成员 · 3' })).toBeVisible()
  const again = await cy.api.post(`/api/v1/groups/${group}/join`, { data: {}, headers: { Origin: cy.base } })
  expect(((await again.json()) as { error?: { code: string } }).error?.code).toBe('already_member')
  await say(cy.page, 'hello everybody')
  await expect(rows(ada.page, 'hello everybody')).toContainText('程曦')
})

test('a group is found by its name, and who is in already is told so M22', async ({ browser }) => {
  const name = `Finches ${Date.now()}`
  const { id } = (await post(ada, '/api/v1/groups', { name })) as { id: number }
  const dan = await person(browser, { at: node(1), nickname: '丁丹' })
  const { page } = dan
  const wire = await wires(page)
  await page.goto('/groups')
  await expect.poll(() => wire.open).toBe(1)
  await page.getByRole('button', { name: '新建' }).click()
  await page.getByRole('menuitem', { name: '加入群组' }).click()
  const dialog = page.getByRole('dialog', { name: '加入群组' })
  await dialog.getByLabel('群名或编号').fill('no group is called so')
  await expect(dialog.getByText(/没有/)).toBeVisible()
  await dialog.getByLabel('群名或编号').fill(name.slice(0, -3))
  const found = dialog.getByRole('listitem').filter({ hasText: name })
  await expect(found).toBeVisible()
  // His other device is quicker, and this one does not hear of it.
  wire.blackhole()
  await post(dan, `/api/v1/groups/${id}/join`, {})
  allowTrouble(page, /409/)
  await found.getByRole('button', { name: '加入', exact: true }).click()
  await expect(found.getByRole('alert')).toHaveText('你已经在这个群里')
  await dan.context.close()
})

test('members are offered nothing that is refused E11', async () => {
  await expect(panel(cy).getByText('安娜')).toBeVisible()
  await expect(panel(cy).getByRole('button', { name: /的操作/ })).toHaveCount(0)
  await cy.page.goto(`/groups/${group}`)
  await expect(cy.page.getByRole('button', { name: '退出群组' })).toBeVisible()
  await expect(cy.page.getByText('群管理')).toHaveCount(0)
  await expect(cy.page.getByRole('button', { name: '解散群组' })).toHaveCount(0)
  expect(await change(cy, `/api/v1/groups/${group}`, 'PATCH', { name: 'mine now' })).toBe(403)
  expect(await change(cy, `/api/v1/groups/${group}/members/${bo.id}`, 'DELETE')).toBe(403)
  expect(await change(cy, `/api/v1/groups/${group}`, 'DELETE')).toBe(403)
})

test('roles, and a mute that shows its reason and ends live E11', async () => {
  await actOn(ada, '博文', '设为管理员')
  await expect(history(ada).getByText('你 将 博文 设为管理员')).toBeVisible()
  await expect(panel(ada).getByRole('listitem').filter({ hasText: '博文' })).toContainText('管理员')
  await cy.page.goto(`/c/g/${group}`)
  await bo.page.goto(`/c/g/${group}`)
  await actOn(bo, '程曦', '禁言')
  await bo.page.getByRole('dialog').getByRole('radio', { name: '1 小时' }).check()
  await bo.page.getByRole('dialog').getByRole('button', { name: '禁言' }).click()
  await expect(cy.page.locator('[data-barred]')).toContainText('你已被禁言')
  await expect(composer(cy.page)).toHaveCount(0)
  await actOn(bo, '程曦', '解除禁言')
  await expect(composer(cy.page)).toBeVisible()
})

test('mute everybody, rename, announce E11', async () => {
  await ada.page.goto(`/groups/${group}`)
  await ada.page.getByRole('switch', { name: '全员禁言' }).click()
  await ada.page.getByRole('dialog').getByRole('button', { name: '禁言' }).click()
  await expect(cy.page.locator('[data-barred]')).toContainText('已开启全员禁言')
  await expect(composer(bo.page)).toBeVisible()
  await ada.page.getByRole('switch', { name: '全员禁言' }).click()
  await expect(composer(cy.page)).toBeVisible()
  await ada.page.getByRole('button', { name: '编辑资料与公告' }).click()
  const dialog = ada.page.getByRole('dialog', { name: '编辑资料与公告' })
  await dialog.getByLabel('群名').fill('研发二组')
  await dialog.getByLabel('简介与公告').fill('周会改到周四')
  await dialog.getByRole('radio', { name: /需要审批/ }).check()
  await dialog.getByRole('button', { name: '保存' }).click()
  await expect(cy.page.getByRole('heading', { name: '研发二组' })).toBeVisible()
  await expect(cy.page.getByRole('region', { name: '群公告' }).first()).toContainText('周会改到周四')
})

test('a removed member is stopped live; asking to come back is answered with a badge E11', async () => {
  await ada.page.goto(`/c/g/${group}`)
  await actOn(ada, '程曦', '移出群组')
  await ada.page.getByRole('dialog').getByRole('button', { name: '移出群组' }).click()
  await expect(cy.page.locator('[data-barred]')).toContainText('你已不在这个群里')
  await ada.page.goto('/groups')
  allowTrouble(cy.page, /\b403\b/)
  await cy.page.goto(`/groups/${group}`)
  await cy.page.getByLabel('附言').fill('让我回来')
  await cy.page.getByRole('button', { name: '申请加入' }).click()
  await expect(cy.page.getByText('已申请，等待群主或管理员同意')).toBeVisible()
  await expect(ada.page.getByRole('link', { name: '群组，1 个新请求' })).toBeVisible()
  await ada.page.getByRole('link', { name: /研发二组/ }).click()
  await ada.page.getByRole('button', { name: /入群申请/ }).click()
  await expect(ada.page.getByText('让我回来')).toBeVisible()
  await ada.page.getByRole('dialog').getByRole('button', { name: '接受' }).click()
  await expect(ada.page.getByText('没有待处理的申请')).toBeVisible()
  await expect(cy.page.getByRole('link', { name: '进入群聊' })).toBeVisible()
  await ada.page.keyboard.press('Escape')
})

test('an invitation by link and code brings somebody in M22 D6', async ({ browser }) => {
  await ada.page.getByRole('button', { name: '邀请链接与二维码' }).click()
  await ada.page.getByRole('button', { name: '生成新链接' }).click()
  await ada.page.getByRole('button', { name: '显示二维码' }).click()
  const url = (await ada.page.locator('[data-qr]').getAttribute('data-qr')) ?? ''
  expect(url).toMatch(/\/join\/[\w-]+$/)
  await ada.page.keyboard.press('Escape')
  const dan = await person(browser, { at: node(1), nickname: '丁丹' })
  await dan.page.goto('/groups')
  await dan.page.getByRole('button', { name: '新建' }).click()
  await dan.page.getByRole('menuitem', { name: '加入群组' }).click()
  await dan.page.getByRole('dialog', { name: '加入群组' }).getByLabel('群名或编号').fill(url)
  await dan.page.getByRole('dialog', { name: '加入群组' }).getByRole('button', { name: /邀请/ }).click()
  await expect(dan.page).toHaveURL(new RegExp(`${new URL(url).pathname}$`))
  await expect(dan.page.getByRole('heading', { name: '研发二组' })).toBeVisible()
  await dan.page.getByRole('button', { name: '加入', exact: true }).click()
  await expect(dan.page).toHaveURL(new RegExp(`/c/g/${group}$`))
  await dan.context.close()
})

test('handing over, leaving, dissolving E11', async () => {
  await cy.page.goto(`/c/g/${group}`)
  await ada.page.goto(`/c/g/${group}`)
  await actOn(ada, '博文', '转让群主')
  await ada.page.getByRole('dialog').getByRole('button', { name: '转让群主' }).click()
  await expect(panel(ada).getByRole('listitem').filter({ hasText: '博文' })).toContainText('群主')
  await ada.page.goto(`/groups/${group}`)
  await expect(ada.page.getByRole('button', { name: '解散群组' })).toHaveCount(0)
  await ada.page.getByRole('button', { name: '退出群组' }).click()
  await ada.page.getByRole('dialog').getByRole('button', { name: '退出群组' }).click()
  await expect(ada.page).toHaveURL(/\/groups$/)
  await bo.page.goto(`/groups/${group}`)
  await bo.page.getByRole('button', { name: '解散群组' }).click()
  await bo.page.getByRole('dialog').getByRole('button', { name: '解散群组' }).click()
  await expect(cy.page.locator('[data-barred]')).toContainText('这个群已解散')
})
