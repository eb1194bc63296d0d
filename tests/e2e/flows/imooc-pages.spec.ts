// imooc's pages as people have them, and somebody with the web client.

import { expect, test } from '@playwright/test'
import { bothShow, chooses, exchangePicture, exchangeSticker, exchangeVoice, imooc, messages, PAGES, RUN, submit, types } from '../guests'
import type { Guest } from '../guests'
import { faultsOf, node, person, post, rows, say } from '../world'
import type { Person } from '../world'

test.describe.configure({ mode: 'serial' })

let ivan: Guest
let igor: Guest
let vera: Person

test.beforeAll(async ({ browser }) => {
  ivan = await imooc(browser, `Ivan II ${RUN}`)
  igor = await imooc(browser, `Igor ${RUN}`)
  vera = await person(browser, { at: node(1), nickname: 'Vera' })
})

test.afterAll(async () => {
  for (const guest of [ivan, igor]) await guest?.context.close()
  await vera?.context.close()
})

test.afterEach(() => {
  for (const guest of [ivan, igor]) expect(guest.faults).toEqual([])
  expect(faultsOf(vera.page)).toEqual([])
})

test('friends by number, private texts, pictures, stickers and voice @smoke', async () => {
  await submit(ivan, '#befriend', '#friend', String(igor.id))
  await expect(ivan.page.locator('#toast')).toContainText('done')
  await submit(igor, '#befriend', '#friend', String(ivan.id))
  await expect(igor.page.locator('#friends li')).toHaveText([ivan.shown])
  await ivan.page.reload()
  await chooses(ivan, '#friends', igor.shown)
  await chooses(igor, '#friends', ivan.shown)
  await types(ivan, 'hello Igor')
  await bothShow(ivan, igor, 'hello Igor')
  await exchangePicture(igor, ivan)
  await exchangeSticker(ivan, igor, 'emoj')
  await exchangeVoice(igor, ivan)
})

test('a group with its members counted, whose texts come back once', async () => {
  await submit(ivan, '#create', '#crew', `choir ${RUN}`)
  const row = ivan.page.locator('#groups li')
  await expect(row).toHaveText([`choir ${RUN}(1)`])
  const answer = await ivan.context.request.post('/contact/loadcommunity', {
    form: { userid: ivan.id },
    headers: { Origin: PAGES },
  })
  const { rows: groups } = (await answer.json()) as { rows: { id: number }[] }
  await submit(igor, '#join', '#group', String(groups[0]?.id))
  await expect(igor.page.locator('#groups li')).toHaveText([`choir ${RUN}(2)`])
  await chooses(ivan, '#groups', 'choir')
  await chooses(igor, '#groups', 'choir')
  await types(ivan, 'all together')
  await bothShow(ivan, igor, 'all together')
})

test('who was away is told private and group texts, and none twice', async () => {
  const address = igor.page.url()
  await igor.page.goto('about:blank')
  await types(ivan, 'while away, all')
  await expect(messages(ivan, 'while away, all')).toHaveCount(1)
  await chooses(ivan, '#friends', igor.shown)
  await types(ivan, 'while away, you')
  await igor.page.goto(address)
  await expect(messages(igor, 'while away, all')).toHaveCount(1)
  await expect(messages(igor, 'while away, you')).toHaveCount(1)
  await expect(messages(igor, 'all together')).toHaveCount(0)
  await chooses(igor, '#friends', ivan.shown)
  await types(igor, 'back')
  await bothShow(igor, ivan, 'back')
})

test('a private message to and from the web client', async () => {
  await vera.page.goto(`/c/u/${ivan.id}`)
  await say(vera.page, 'hello from the web client')
  await expect(messages(ivan, 'hello from the web client')).toHaveCount(1)
  // These pages show whom to answer in a list of friends alone.
  await submit(ivan, '#befriend', '#friend', String(vera.id))
  await post(vera, '/api/v1/friends', { id: ivan.id })
  await ivan.page.reload()
  await chooses(ivan, '#friends', 'Vera')
  await types(ivan, 'and back')
  await expect(rows(vera.page, 'and back')).toHaveCount(1)
})

test('a packet that an old page draws is only shown E21', async () => {
  await ivan.page.evaluate((dstid) => {
    const socket = new WebSocket(`ws://${location.host}/chat${location.search}`)
    const userid = Number(new URLSearchParams(location.search).get('id'))
    socket.onopen = () => socket.send(JSON.stringify({ userid, dstid, cmd: 10, media: 5, amount: 888, memo: 'good luck' }))
  }, vera.id)
  const card = rows(vera.page, 'good luck').locator('[data-packet]')
  await expect(card).toBeVisible()
  await expect(card).toBeDisabled()
  await expect(vera.page.getByRole('button', { name: '拆开红包' })).toHaveCount(0)
})
