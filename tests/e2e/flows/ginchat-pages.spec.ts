// ginchat's pages as people have them: befriend, group, texts, picture, sticker, voice, history, heartbeat, coming back; and
// people with other clients.

import { expect, test } from '@playwright/test'
import { bothShow, chooses, exchangePicture, exchangeSticker, exchangeVoice, ginchat, imooc, messages, PAGES, PASSWORD, RUN, submit, types } from '../guests'
import type { Guest } from '../guests'
import { faultsOf, node, person, post, rows, say } from '../world'
import type { Person } from '../world'

test.skip(PAGES === '', 'no old pages are served: STARLING_OLD_PAGES is not set')
test.describe.configure({ mode: 'serial' })

let gina: Guest
let gino: Guest
let ivan: Guest
let vera: Person
const crew = `crew ${RUN}`

test.beforeAll(async ({ browser }) => {
  gina = await ginchat(browser, `gina-${RUN}`)
  gino = await ginchat(browser, `gino-${RUN}`)
  ivan = await imooc(browser, `Ivan ${RUN}`)
  vera = await person(browser, { at: node(2), nickname: 'Vera' })
})

test.afterAll(async () => {
  for (const guest of [gina, gino, ivan]) await guest?.context.close()
  await vera?.context.close()
})

test.afterEach(() => {
  for (const guest of [gina, gino, ivan]) expect(guest.faults).toEqual([])
  expect(faultsOf(vera.page)).toEqual([])
})

test('two people who add each other by name are friends', async () => {
  await submit(gina, '#befriend', '#friend', gino.shown)
  await expect(gina.page.locator('#toast')).toContainText('done')
  await submit(gino, '#befriend', '#friend', gina.shown)
  await expect(gino.page.locator('#friends li')).toHaveText([gina.shown])
  await submit(gina, '#befriend', '#friend', 'nobody of this name')
  await expect(gina.page.locator('#toast')).toContainText('refused')
  await gina.page.reload()
  await expect(gina.page.locator('#friends li')).toHaveText([gino.shown])
})

test('private texts show at once, at the other one, and never twice', async () => {
  await chooses(gina, '#friends', gino.shown)
  await chooses(gino, '#friends', gina.shown)
  await types(gina, 'are you there?')
  await bothShow(gina, gino, 'are you there?')
  await types(gino, 'I am')
  await bothShow(gino, gina, 'I am')
})

test('pictures, stickers and voice go both ways', async () => {
  await exchangePicture(gina, gino)
  await exchangeSticker(gino, gina, 'emoj')
  await exchangeSticker(gina, gino, 'mkgif')
  await exchangeVoice(gina, gino)
})

test('a group is made, joined by its name, and shows each text once', async () => {
  await submit(gina, '#create', '#crew', crew)
  await expect(gina.page.locator('#groups li')).toHaveCount(1)
  await submit(gino, '#join', '#group', crew)
  await expect(gino.page.locator('#groups li')).toHaveCount(1)
  await chooses(gina, '#groups', crew)
  await chooses(gino, '#groups', crew)
  await types(gina, 'to the crew')
  await bothShow(gina, gino, 'to the crew')
  await types(gino, 'from the crew')
  await bothShow(gino, gina, 'from the crew')
  await exchangePicture(gino, gina)
})

test('who was away finds the private history and the group texts that were missed', async () => {
  const address = gino.page.url()
  await gino.page.goto('about:blank')
  await types(gina, 'missed by one')
  await expect(messages(gina, 'missed by one')).toHaveCount(1)
  await chooses(gina, '#friends', gino.shown)
  await types(gina, 'also missed')
  await gino.page.goto(address)
  await expect(messages(gino, 'missed by one')).toHaveCount(1)
  await expect(messages(gino, 'also missed')).toHaveCount(0)
  await chooses(gino, '#friends', gina.shown)
  for (const text of ['also missed', 'I am', 'are you there?']) await expect(messages(gino, text)).toHaveCount(1)
  await expect(messages(gino, 'from the crew')).toHaveCount(0)
  await types(gina, 'live again')
  await bothShow(gina, gino, 'live again')
})

test('a page with a heartbeat stays, and its name is its own to change', async () => {
  await expect.poll(() => gina.sent.filter((frame) => frame.includes('"Media":-1')).length, { timeout: 15_000 }).toBeGreaterThan(0)
  const renamed = `${gina.shown}-2`
  await submit(gina, '#profile', '#nickname', renamed)
  await expect(gina.page.locator('#toast')).toContainText('done')
  gina.shown = renamed
  await types(gina, 'after the heartbeat')
  await bothShow(gina, gino, 'after the heartbeat')
  // The password is what it was.
  const form = { name: renamed, password: PASSWORD }
  const login = await gina.context.request.post('/user/findUserByNameAndPwd', { form })
  expect(((await login.json()) as { code: number }).code).toBe(0)
})

test('an imooc page and the web client are in the same group', async () => {
  const group = /\((\d+)\)$/.exec((await gina.page.locator('#groups li').innerText()) ?? '')?.[1] ?? ''
  await submit(ivan, '#join', '#group', group)
  await chooses(ivan, '#groups', crew)
  await post(vera, `/api/v1/groups/${group}/join`, {})
  await vera.page.goto(`/c/g/${group}`)
  await chooses(gina, '#groups', crew)
  await types(gina, 'from ginchat')
  await bothShow(gina, ivan, 'from ginchat')
  await expect(rows(vera.page, 'from ginchat')).toHaveCount(1)
  await types(ivan, 'from imooc')
  await bothShow(ivan, gina, 'from imooc')
  await expect(rows(vera.page, 'from imooc')).toHaveCount(1)
  await say(vera.page, 'from the web client')
  for (const guest of [gina, gino, ivan]) await expect(messages(guest, 'from the web client')).toHaveCount(1)
})

test('what an imooc page shows, ginchat and the web client show too', async () => {
  await exchangeSticker(ivan, gina, 'emoj')
  await exchangeVoice(ivan, gina)
  await exchangePicture(ivan, gina)
  await expect(vera.page.locator('article[data-mid] img').first()).toBeVisible()
})
