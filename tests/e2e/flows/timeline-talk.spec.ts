// Writing and being read: quotes and jumps, calls by name, drafts, typing, times, the list, and what is safe to show.

import { composer, exchange, expect, node, person, PHONE, post, rows, say, test } from '../world'
import type { Person } from '../world'
import type { Locator, Page } from '@playwright/test'

/** A typing sign is seen within this, and is gone so long after the last key. */
const SEEN_MS = 1_000
const ENDS_MS = 6_000

let ada: Person
let bo: Person
let group = 0

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  ada = await person(browser, { at: node(0), nickname: 'Ada' })
  bo = await person(browser, { at: node(1), nickname: '林夏' })
  const made = (await post(ada, '/api/v1/groups', { name: 'Talk', members: [bo.id] })) as { id: number }
  group = made.id
})

test.afterAll(async () => {
  await ada?.context.close()
  await bo?.context.close()
})

let sent = 0
const write = (from: Person, conv: string, content: string, more: object = {}) =>
  post(from, `/api/v1/conversations/${conv}/messages`, { cid: `talk-${sent++}`, media: 1, content, ...more }) as Promise<{ seq: number }>
const listRow = (page: Page, conv: string) => page.locator(`[data-conv="${conv}"]`)
const region = (page: Page) => page.getByRole('region', { name: '消息记录' })

async function reply(page: Page, row: Locator): Promise<void> {
  await row.locator('[data-bubble]').click({ button: 'right' })
  await page.getByRole('menuitem', { name: '回复', exact: true }).click()
}

test('a quote leads to a message far away, and a pill leads back E1', async () => {
  const first = await write(ada, `g:${group}`, 'the very first')
  for (let n = 0; n < 140; n++) {
    await write(n % 2 ? ada : bo, `g:${group}`, `filler ${n}`)
    // Within the rate of the server.
    if (n % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 600))
  }
  await write(bo, `g:${group}`, 'as you said', { reply_to: first.seq })
  const { page } = ada
  await page.goto(`/c/g/${group}`)
  await region(page).evaluate((box) => box.scrollTo(0, box.scrollHeight))
  const quote = rows(page, 'as you said').locator('[data-quote]')
  await expect(quote).toContainText('the very first')
  // It stands out for a moment only, perhaps between two looks of the test.
  const flashed = page.evaluate(
    () =>
      new Promise<string | undefined>((resolve) => {
        const look = () => {
          const row = document.querySelector<HTMLElement>('article.row-flash')
          if (row) resolve(row.dataset.mid)
          else requestAnimationFrame(look)
        }
        look()
      }),
  )
  await quote.click()
  const target = rows(page, 'the very first').filter({ hasNotText: 'as you said' })
  await expect(target).toBeInViewport()
  expect(await flashed).toBe(String(first.seq))
  // A part of its own: it goes on in both directions.
  await expect(rows(page, 'filler 3').first()).toBeAttached()
  await page.getByRole('button', { name: '回到原处' }).click()
  await expect(rows(page, 'as you said')).toBeInViewport()
  await expect(page.getByRole('button', { name: '回到原处' })).toHaveCount(0)

  await quote.click()
  await expect(target).toBeInViewport()
  await write(bo, `g:${group}`, 'written meanwhile')
  await page.getByRole('button', { name: /条新消息，回到底部/ }).click()
  await expect(rows(page, 'written meanwhile')).toBeInViewport()
})

test('from an old message scrolling down leads to the end without a hole E1 M12', async () => {
  const { page } = ada
  await rows(page, 'as you said').locator('[data-quote]').click()
  await expect(rows(page, 'the very first').filter({ hasNotText: 'as you said' })).toBeInViewport()
  await region(page).hover()
  const seen = new Set<number>()
  await expect(async () => {
    // Between two looks less is scrolled than is rendered.
    for (const text of await page.locator('article[data-mid]').allInnerTexts()) {
      const found = /filler (\d+)/.exec(text)
      if (found) seen.add(Number(found[1]))
    }
    await region(page).evaluate((box) => box.scrollBy(0, 300))
    await expect(rows(page, 'written meanwhile')).toBeInViewport({ timeout: 50 })
  }).toPass({ timeout: 40_000, intervals: [60] })
  expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 140 }, (_, n) => n))
  await expect(page.getByRole('button', { name: /回到底部|最新消息/ })).toHaveCount(0)
})

test('an answer shows what it answers, and Esc gives it up E1', async () => {
  const { page } = ada
  await reply(page, rows(page, 'written meanwhile'))
  await expect(page.locator('[data-task]')).toContainText('written meanwhile')
  await expect(composer(page)).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(page.locator('[data-task]')).toHaveCount(0)
  await reply(page, rows(page, 'written meanwhile'))
  await say(page, 'my answer')
  await expect(page.locator('[data-task]')).toHaveCount(0)
  await expect(rows(page, 'my answer').locator('[data-quote]')).toContainText('林夏')
  await bo.page.goto(`/c/g/${group}`)
  await expect(rows(bo.page, 'my answer').locator('[data-quote]')).toContainText('written meanwhile')
})

test('an @ finds people by the sounds of their names, and who is called sees it E2', async () => {
  const { page } = ada
  await bo.page.goto('/')
  await composer(page).pressSequentially('see @lx')
  const list = page.getByRole('listbox', { name: '提到谁' })
  await expect(list.getByRole('option')).toHaveCount(1)
  await expect(composer(page)).toHaveAttribute('aria-activedescendant', (await list.getByRole('option').getAttribute('id')) ?? '')
  await page.keyboard.press('Enter')
  await expect(composer(page)).toHaveValue('see @林夏 ')
  await expect(list).toHaveCount(0)
  await page.keyboard.press('Enter')
  await expect(rows(page, 'see @林夏')).toHaveAttribute('data-state', 'sent')
  await expect(listRow(bo.page, `g:${group}`)).toContainText('[有人@我]')
  await listRow(bo.page, `g:${group}`).click()
  await expect(rows(bo.page, 'see @林夏').locator('[data-mention]')).toHaveText('@林夏')
  await expect(listRow(bo.page, `g:${group}`)).not.toContainText('[有人@我]')
  await bo.page.reload()
  await expect(listRow(bo.page, `g:${group}`)).not.toContainText('[有人@我]')
})

test('owners and admins call everybody, others are not offered it E2', async () => {
  await bo.page.goto(`/c/g/${group}`)
  await composer(bo.page).pressSequentially('@')
  await expect(bo.page.getByRole('option', { name: 'Ada' })).toBeVisible()
  await expect(bo.page.getByRole('option', { name: '所有人' })).toHaveCount(0)
  await bo.page.keyboard.press('Escape')
  await expect(bo.page.getByRole('listbox')).toHaveCount(0)
  await composer(bo.page).fill('')
  await bo.page.goto('/')
  await composer(ada.page).pressSequentially('@')
  await ada.page.getByRole('option', { name: '所有人' }).click()
  await composer(ada.page).pressSequentially('lunch')
  await ada.page.keyboard.press('Enter')
  await expect(listRow(bo.page, `g:${group}`)).toContainText('[有人@我]')
})

test('a draft stays with its conversation, over a reload and on my other page E3 E18', async () => {
  const { page } = ada
  await page.goto(`/c/g/${group}`)
  await composer(page).pressSequentially('half a thought')
  await page.keyboard.press('ArrowLeft')
  await page.goto(`/c/u/${bo.id}`)
  await expect(composer(page)).toHaveValue('')
  await expect(listRow(page, `g:${group}`)).toContainText('[草稿] half a thought')
  await page.reload()
  await expect(listRow(page, `g:${group}`)).toContainText('[草稿] half a thought')
  const second = await ada.context.newPage()
  await second.goto(`/c/g/${group}`)
  await expect(composer(second)).toHaveValue('half a thought')
  await listRow(page, `g:${group}`).click()
  await expect(composer(page)).toHaveValue('half a thought')
  expect(await composer(page).evaluate((field: HTMLTextAreaElement) => field.selectionStart)).toBe('half a though'.length)

  // Written here, it arrives there; what is being written there is not overwritten.
  await page.keyboard.press('End')
  await composer(page).pressSequentially(' more')
  await expect(composer(second)).toHaveValue('half a thought more')
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  await second.route(/\/api\/v1\/conversations\/[^/]+$/, async (route) => {
    await held
    await route.fallback()
  })
  await composer(second).press('End')
  await composer(second).pressSequentially(' there')
  await composer(page).pressSequentially(' here')
  await page.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.ok())
  await second.waitForTimeout(500)
  await expect(composer(second)).toHaveValue('half a thought more there')
  await expect(composer(page)).toHaveValue('half a thought more here')
  release()
  // Who wrote last is believed by who writes no more.
  await expect(composer(page)).toHaveValue('half a thought more there')
  await page.keyboard.press('Enter')
  await expect(rows(page, 'half a thought more there')).toBeVisible()
  await expect(composer(second)).toHaveValue('')
  await second.close()
  await page.goto('/')
  await expect(listRow(page, `g:${group}`)).not.toContainText('[草稿]')
})

test('typing is seen at once, ends by itself and with the message, and is told at most each 3 s E4', async () => {
  let told = 0
  ada.page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => (told += String(payload).includes('"typing"') ? 1 : 0)))
  await ada.page.goto(`/c/u/${bo.id}`)
  await bo.page.goto(`/c/u/${ada.id}`)
  await exchange(ada.page, bo.page, 'before typing')
  const line = bo.page.getByText('对方正在输入…')
  /** The moments at which the line came and went, by the machine's clock. */
  const changes = await bo.page.evaluateHandle(() => {
    const seen: { shown: boolean; at: number }[] = []
    const look = () => {
      const shown = document.body.textContent?.includes('对方正在输入…') ?? false
      if (shown !== (seen.at(-1)?.shown ?? false)) seen.push({ shown, at: Date.now() })
    }
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true })
    return seen
  })
  await ada.page.evaluate(() => {
    const pressed: number[] = []
    Object.assign(window, { pressed })
    addEventListener('keydown', () => pressed.push(Date.now()), { capture: true })
  })
  const pressed = () => ada.page.evaluate(() => (window as unknown as { pressed: number[] }).pressed)
  // One sign in three seconds is passed on, and writing that message was one.
  await ada.page.waitForTimeout(3_100)
  told = 0
  await composer(ada.page).pressSequentially('hmm', { delay: 50 })
  await expect(line).toBeVisible()
  await expect(line).toHaveCount(0)
  expect(told).toBe(1)
  const [came, went] = await changes.jsonValue()
  const keys = await pressed()
  expect((came?.at ?? NaN) - (keys[0] ?? NaN), 'milliseconds until the sign').toBeLessThanOrEqual(SEEN_MS)
  expect((went?.at ?? NaN) - (keys.at(-1) ?? NaN), 'milliseconds until it ends').toBeLessThanOrEqual(ENDS_MS)
  await composer(ada.page).pressSequentially(' well')
  await expect(line).toBeVisible()
  await ada.page.keyboard.press('Enter')
  await expect(rows(bo.page, 'hmm well')).toBeVisible()
  await expect(line).toHaveCount(0, { timeout: 1_000 })
})

test('hostile texts are shown as texts M17', async () => {
  const texts = [
    '<img src=x onerror="document.title=\'broken\'"><script>document.title="broken"</script>',
    'javascript:alert(1) http://a.lan/x',
    'abc \u202Egnp.exe',
    'zero\u200Bwidth\u2060here',
    'w'.repeat(500),
    `${'长'.repeat(5_400)}end`,
  ]
  for (const text of texts) await write(ada, `u:${bo.id}`, text)
  for (const viewport of [PHONE, { width: 1280, height: 800 }]) {
    await bo.page.setViewportSize(viewport)
    await bo.page.goto(`/c/u/${ada.id}`)
    await expect(bo.page.locator('article[data-mid]').first()).toBeAttached()
    // The view begins at what is new or at the end, and the last row is longer than any screen.
    await expect(async () => {
      await region(bo.page).evaluate((box) => box.scrollTo(0, box.scrollHeight))
      await expect(rows(bo.page, 'end')).toBeAttached({ timeout: 500 })
    }).toPass()
    await region(bo.page).evaluate((box) => box.scrollTo(0, 0))
    await expect(rows(bo.page, '<img src=x')).toHaveCount(1)
    expect(await bo.page.locator('article img, article script').count()).toBe(0)
    const inside = await bo.page.evaluate(() => {
      const box = document.querySelector('[role=region]')
      return box ? box.scrollWidth - box.clientWidth : NaN
    })
    expect(inside).toBe(0)
  }
  expect(await bo.page.title()).not.toContain('broken')
  const link = rows(bo.page, 'javascript:alert').getByRole('link')
  await expect(link).toHaveCount(1)
  await expect(link).toHaveAttribute('rel', 'noopener noreferrer')
})

test('an Enter of an input method does not send, the next one does M11', async () => {
  const { page } = ada
  await page.goto(`/c/u/${bo.id}`)
  await composer(page).focus()
  const ime = await page.context().newCDPSession(page)
  await ime.send('Input.imeSetComposition', { text: 'ni hao', selectionStart: 6, selectionEnd: 6 })
  const before = await page.locator('article[data-mid]').count()
  await ime.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 })
  await expect(composer(page)).toHaveValue('ni hao')
  expect(await page.locator('article[data-mid]').count()).toBe(before)
  await ime.send('Input.insertText', { text: '你好' })
  await page.keyboard.press('Enter')
  await expect(rows(page, '你好').last()).toHaveAttribute('data-state', /sent|read/)
  await expect(composer(page)).toHaveValue('')

  await composer(page).fill('   ')
  await page.keyboard.press('Enter')
  await expect(composer(page)).toHaveValue('   ')
  await composer(page).fill('')
  for (let n = 0; n < 20; n++) {
    await page.keyboard.type(`line ${n}`)
    await page.keyboard.press('Shift+Enter')
  }
  expect((await composer(page).boundingBox())?.height).toBeLessThanOrEqual(160)
  await composer(page).fill('字'.repeat(5_400))
  await expect(page.getByText(/还可输入 \d+ 字节/)).toBeVisible()
  await composer(page).fill('字'.repeat(5_500))
  await expect(page.getByText(/太长了：超出 \d+ 字节/)).toBeVisible()
  await expect(page.getByRole('button', { name: '发送' })).toBeDisabled()
  await composer(page).fill('')
})

test('times stand where a pause or a new day is, and say the moment in full M34', async ({ browser }) => {
  const eve = await person(browser, { at: node(0), nickname: 'Eve' })
  const noon = new Date(2026, 10, 20, 12, 0).getTime()
  const minute = 60_000
  const times = [noon - 24 * 60 * minute, noon, noon + 4 * minute, noon + 10 * minute, noon + 13 * 60 * minute]
  await eve.page.clock.setFixedTime(noon + 14 * 60 * minute)
  // The server stamps its own time; the page gets others in the answer.
  await eve.page.route(/\/conversations\/u:\d+\/entries/, async (route) => {
    const base = { conv: `u:${eve.id}`, from: eve.id, kind: 'message', media: 1 }
    const entries = times.map((at, n) => ({ ...base, seq: n + 1, at, content: `at ${n}` }))
    await route.fulfill({ json: { entries, more_before: false, more_after: false } })
  })
  await eve.page.goto(`/c/u/${eve.id}`)
  await expect(rows(eve.page, 'at 4')).toBeVisible()
  const lines = (await region(eve.page).innerText()).split('\n').filter((line) => /^at \d|^(今天|昨天|星期)|^\d{2}:\d{2}$/.test(line))
  const separators = await region(eve.page).locator('p[data-time]').allInnerTexts()
  expect(separators).toEqual(['星期四 12:00', '昨天 12:00', '昨天 12:10', '01:00'])
  expect(lines.length).toBeGreaterThan(0)
  await rows(eve.page, 'at 2').locator('time').hover()
  await expect(rows(eve.page, 'at 2').locator('time')).toHaveAttribute('title', '2026年11月20日 12:04:00')
  // Runs of one sender: the avatar stands on the first only.
  await expect(rows(eve.page, 'at 1').getByRole('button', { name: /资料/ })).toHaveCount(1)
  await expect(rows(eve.page, 'at 2').getByRole('button', { name: /资料/ })).toHaveCount(0)
  await eve.context.close()
})

test('a swipe to the right answers a message D2', async ({ browser }) => {
  const dan = await person(browser, { at: node(0), nickname: 'Dan', viewport: PHONE, hasTouch: true, isMobile: true })
  await dan.page.goto(`/c/u/${dan.id}`)
  await say(dan.page, 'swipe me')
  const box = await rows(dan.page, 'swipe me').locator('[data-bubble]').boundingBox()
  if (!box) throw new Error('no bubble')
  const touch = await dan.context.newCDPSession(dan.page)
  const at = (dx: number) => [{ x: box.x - 60 + dx, y: box.y + box.height / 2 }]
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) })
  for (let dx = 10; dx <= 90; dx += 10) await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(dx) })
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  await expect(dan.page.locator('[data-task]')).toContainText('swipe me')
  await dan.context.close()
})
