// The list of conversations: what is on top, what it says of each, and how soon it knows.

import type { Browser, Page } from '@playwright/test'
import { disturbance, tell } from '../perf/measure'
import { DESK, expect, node, person, post, PHONE, SIZES, test, write } from '../world'
import type { Person } from '../world'

const OPEN_MS = 300
const OTHER_TAB_MS = 1_000
const MANY = 120
const DAY_MS = 86_400_000

let people: Person[] = []

test.afterEach(async () => {
  for (const who of people) await who.context.close()
  people = []
})

async function meet(browser: Browser, nickname: string, at: string, viewport = DESK): Promise<Person> {
  const who = await person(browser, { at, nickname, viewport })
  people.push(who)
  return who
}

const item = (page: Page, who: Person) => page.locator(`[data-conv="u:${who.id}"]`)
const order = (page: Page) => page.locator('[data-conv]').evaluateAll((all) => all.map((one) => one.getAttribute('data-conv')))
const badge = (page: Page, who: Person) => item(page, who).locator('[aria-hidden=true]').filter({ hasText: /^\d+\+?$/ })

/** A click on the row, and how long after it the row tells of nothing unread any more. */
function openAndWait(page: Page, conv: string): Promise<number> {
  return page.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        const link = document.querySelector<HTMLElement>(`[data-conv="${wanted}"]`)
        const started = performance.now()
        const look = () => {
          const shown = document.querySelector(`[data-conv="${wanted}"]`)
          if (!shown?.textContent?.includes('未读')) resolve(performance.now() - started)
          else requestAnimationFrame(look)
        }
        link?.click()
        look()
      }),
    conv,
  )
}

for (const { name, viewport } of SIZES) {
  test(`who writes comes to the top, with preview, time and count: ${name} M14`, async ({ browser }) => {
    const ada = await meet(browser, 'Ada', node(0), viewport)
    const bo = await meet(browser, 'Bo', node(1))
    const cy = await meet(browser, 'Cy', node(2))
    const { page } = ada
    await write(bo, `u:${ada.id}`, 'from Bo')
    await write(cy, `u:${ada.id}`, 'from Cy')
    await page.goto('/')
    await expect.poll(() => order(page)).toEqual([`u:${cy.id}`, `u:${bo.id}`])
    await write(bo, `u:${ada.id}`, 'again\n from   Bo')
    await expect.poll(() => order(page)).toEqual([`u:${bo.id}`, `u:${cy.id}`])
    await expect(item(page, bo)).toContainText('again from Bo')
    await expect(badge(page, bo)).toHaveText('2')
    await expect(badge(page, cy)).toHaveText('1')
    const clock = await item(page, bo).locator('time').innerText()
    expect(clock).toMatch(/^\d{2}:\d{2}$/)
    const now = new Date()
    expect((now.getHours() * 60 + now.getMinutes() - Number(clock.slice(0, 2)) * 60 - Number(clock.slice(3)) + 1_440) % 1_440).toBeLessThanOrEqual(2)
  })

  test(`a long absence is counted to 99, and one look ends it, in every tab: ${name} M14`, async ({ browser }) => {
    const ada = await meet(browser, 'Ada', node(0), viewport)
    const { page } = ada
    const bo = await meet(browser, 'Bo', node(1))
    for (let n = 1; n <= MANY; n++) {
      await write(bo, `u:${ada.id}`, `message ${n}`)
      // Within the rate of the server.
      if (n % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 1_500))
    }
    const second = await ada.context.newPage()
    for (const one of [page, second]) {
      await one.goto('/')
      await expect(badge(one, bo)).toHaveText('99+')
      await expect(item(one, bo)).toHaveAccessibleName(new RegExp(`${MANY} 条未读`))
      await expect(one.locator('[data-node]').filter({ visible: true }).first()).toContainText(/ms/)
    }
    const gone = item(second, bo).filter({ hasNotText: '未读' }).waitFor({ timeout: 10_000 }).then(() => performance.now())
    // The list of a phone makes room for the conversation: there is no badge to look at.
    if (viewport === PHONE) await item(page, bo).click()
    else {
      const disturbed = disturbance()
      const took = await openAndWait(page, `u:${bo.id}`)
      tell('nothing is unread after', took, OPEN_MS)
      expect(took).toBeLessThanOrEqual(OPEN_MS * Math.max(disturbed, disturbance()))
    }
    const opened = performance.now()
    expect((await gone) - opened).toBeLessThanOrEqual(OTHER_TAB_MS)
    if (viewport === PHONE) await page.getByRole('button', { name: '返回' }).click()
    await expect(badge(page, bo)).toHaveCount(0)
  })
}

test('the time is a clock today, yesterday, a weekday, then a date M14', async ({ browser }) => {
  const ada = await meet(browser, 'Ada', node(0))
  const bo = await meet(browser, 'Bo', node(1))
  await write(bo, `u:${ada.id}`, 'once')
  const { page } = ada
  const noon = new Date().setHours(12, 0, 0, 0)
  const shown = async (days: number) => {
    await page.clock.setFixedTime(noon + days * DAY_MS)
    await page.goto('/')
    return item(page, bo).locator('time').innerText()
  }
  const today = new Date()
  expect(await shown(1)).toBe('昨天')
  expect(await shown(3)).toBe(new Intl.DateTimeFormat('zh-CN', { weekday: 'long' }).format(today))
  expect(await shown(3)).toMatch(/^星期[一二三四五六日]$/)
  expect(await shown(400)).toBe(`${today.getFullYear()}年${today.getMonth() + 1}月${today.getDate()}日`)
})

const FILE = 'http://files.lan/x'

/** What is sent, and what the list says of it in both languages. */
const KINDS: [what: string, message: object, zh: string, en: string][] = [
  ['a text', { media: 1, content: 'plain words' }, 'plain words', 'plain words'],
  ['an article', { media: 2, content: 'A title', url: FILE, memo: 'more' }, '[文章]', '[Article]'],
  ['a voice', { media: 3, url: FILE, amount: 12 }, '[语音] 12″', '[Voice] 12″'],
  ['a picture', { media: 4, url: FILE }, '[图片]', '[Picture]'],
  ['a sticker', { media: 6, content: 'wave', url: FILE }, '[表情]', '[Sticker]'],
  ['a link', { media: 7, url: FILE }, '[链接]', '[Link]'],
  ['a video', { media: 8, url: FILE, pic: FILE }, '[视频]', '[Video]'],
  ['a card', { media: 9, content: '1', memo: 'Ada' }, '[名片]', '[Contact]'],
  ['a file', { media: 10, url: FILE, content: 'plan.pdf', meta: { size: 1 } }, '[文件] plan.pdf', '[File] plan.pdf'],
  ['a place', { media: 11, content: 'here' }, '[位置]', '[Location]'],
  ['a record', { media: 103, content: 'Talk', meta: { records: [] } }, '[聊天记录]', '[Messages]'],
  ['what nobody knows', { media: 999, content: 'secret' }, '[消息]', '[Message]'],
]

test('each kind of message has its preview, in Chinese and in English M14', async ({ browser }) => {
  const ada = await meet(browser, 'Ada', node(0))
  const bo = await meet(browser, 'Bo', node(1))
  const abroad = await browser.newContext({ baseURL: ada.base, viewport: PHONE, locale: 'en-US', storageState: await ada.context.storageState() })
  const pages = { zh: ada.page, en: await abroad.newPage() }
  await write(bo, `u:${ada.id}`, 'hello')
  for (const page of Object.values(pages)) {
    await page.goto('/')
    await expect(item(page, bo)).toContainText('hello')
  }
  await expect(pages.en.locator('html')).toHaveAttribute('lang', 'en')
  const preview = (page: Page) => item(page, bo).locator('.text-preview')
  for (const [what, message, zh, en] of KINDS) {
    await test.step(what, async () => {
      await write(bo, `u:${ada.id}`, '', message)
      await expect(preview(pages.zh)).toHaveText(zh)
      await expect(preview(pages.en)).toHaveText(en)
    })
  }
  await post(bo, `/api/v1/conversations/u:${ada.id}/packets`, { cid: `packet-${bo.id}`, kind: 'packet', total: 100, count: 1, split: 'equal', memo: 'luck' })
  await expect(preview(pages.zh)).toHaveText('[红包]')
  await expect(preview(pages.en)).toHaveText('[Red packet]')

  const { id } = (await post(ada, '/api/v1/groups', { name: 'Birds', members: [bo.id] })) as { id: number }
  await write(bo, `g:${id}`, '', { media: 4, url: FILE })
  await expect(pages.zh.locator(`[data-conv="g:${id}"]`)).toContainText('Bo：[图片]')
  await expect(pages.en.locator(`[data-conv="g:${id}"]`)).toContainText('Bo: [Picture]')
  await abroad.close()
})
