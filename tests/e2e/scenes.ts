// The pages, menus and dialogs there are, each with the way to it: what is photographed and what axe is asked about.

import type { Locator, Page } from '@playwright/test'
import en from '../../views/src/i18n/en'
import zh from '../../views/src/i18n/zh-CN'
import type { Key } from '../../views/src/i18n/zh-CN'
import type { Sample } from './sample'
import { expect } from './world'

export type Language = 'zh-CN' | 'en'
export type Theme = 'light' | 'dark'

const REACH_MS_MAX = 60_000

export interface Stage {
  page: Page
  sample: Sample
  phone: boolean
  /** The page's text of a key, as the language has it. */
  t: (key: Key, params?: Record<string, string | number>) => string
}

export interface Scene {
  name: string
  /** Shown to who is logged out. */
  outside?: boolean
  /** Where it is another thing, or none. */
  only?: 'desk' | 'phone'
  go: (stage: Stage) => Promise<void>
}

/** Texts of a language, as the page itself finds them. */
export function texts(language: Language): Stage['t'] {
  const messages: Readonly<Record<string, string>> = language === 'en' ? en : zh
  return (key, params = {}) => {
    const [one, other] = (messages[key] ?? '').split('|')
    const text = other === undefined || params.n === 1 ? one : other
    return (text ?? '').replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole))
  }
}

/** Choices of the browser, there before the page is. */
export async function choose(page: Page, language: Language, theme: Theme): Promise<void> {
  await page.addInitScript(
    ([language, theme]) => {
      if (!location.protocol.startsWith('http')) return
      localStorage.setItem('starling.language', language)
      localStorage.setItem('starling.theme', theme)
    },
    [language, theme] as const,
  )
}

async function chat({ page, t }: Stage, conv: string): Promise<void> {
  await page.goto(`/c/${conv.replace(':', '/')}`)
  await expect(page.getByRole('textbox', { name: t('chat.input') })).toBeVisible()
  await expect(page.locator('article[data-mid]').first()).toBeVisible()
}

const privately = (stage: Stage) => chat(stage, `u:${stage.sample.peer.id}`)
const inGroup = (stage: Stage) => chat(stage, `g:${stage.sample.group}`)

async function list({ page }: Stage): Promise<void> {
  await page.goto('/')
  await expect(page.locator('[data-conv]').first()).toBeVisible()
}

async function newMenu(stage: Stage): Promise<void> {
  const { page, t } = stage
  await list(stage)
  await page.getByRole('button', { name: t('list.new') }).click()
  await expect(page.getByRole('menu')).toBeVisible()
}

async function fromNewMenu(stage: Stage, item: Key): Promise<void> {
  const { page, t } = stage
  await newMenu(stage)
  await page.getByRole('menuitem', { name: t(item) }).click()
  await expect(page.getByRole('dialog')).toBeVisible()
}

async function heading({ page, t }: Stage, path: string, key: Key): Promise<void> {
  await page.goto(path)
  await expect(page.getByRole('heading', { name: t(key) }).first()).toBeVisible()
}

/** Until a part of the history is in view: the document holds only what is near, and an opened conversation still moves. */
async function reach({ page, t }: Stage, selector: string): Promise<Locator> {
  const history = page.getByRole('region', { name: t('chat.history') })
  const part = page.locator(selector).first()
  await history.evaluate((box) => (box.scrollTop = box.scrollHeight))
  await expect(async () => {
    if ((await part.count()) === 0) {
      // Upwards, and from the end again when it was passed.
      await history.evaluate((box) => (box.scrollTop = box.scrollTop < 1 ? box.scrollHeight : box.scrollTop - box.clientHeight / 2))
    }
    await part.scrollIntoViewIfNeeded({ timeout: 1_000 })
    await expect(part).toBeInViewport({ timeout: 1_000 })
  }).toPass({ timeout: REACH_MS_MAX })
  return part
}

/** A drawer of the composer. */
async function drawer(stage: Stage, name: Key): Promise<Locator> {
  const { page, t } = stage
  await privately(stage)
  await page.getByRole('button', { name: t(name), exact: true }).click()
  const panel = page.getByRole('dialog', { name: t(name) })
  await expect(panel).toBeVisible()
  return panel
}

/** What a conversation holds, of one kind. */
async function inSearch(stage: Stage, kind: Key): Promise<Locator> {
  const { page, t } = stage
  await privately(stage)
  await page.getByRole('button', { name: t('search.inChat') }).first().click()
  const panel = page.getByRole('complementary', { name: t('search.inChat') })
  await panel.getByRole('radio', { name: t(kind) }).check()
  return panel
}

async function openMenu(stage: Stage, seq: number): Promise<Locator> {
  const row = await reach(stage, `[data-mid="${seq}"]`)
  await row.focus()
  await stage.page.keyboard.press('Shift+F10')
  const menu = stage.page.getByRole('menu')
  await expect(menu).toBeVisible()
  return menu
}

async function fromMessageMenu(stage: Stage, item: Key, title: Key): Promise<Locator> {
  await inGroup(stage)
  await (await openMenu(stage, stage.sample.reacted)).getByRole('menuitem', { name: stage.t(item), exact: true }).click()
  const dialog = stage.page.getByRole('dialog', { name: stage.t(title) })
  await expect(dialog).toBeVisible()
  return dialog
}

async function operations(stage: Stage, part: Key): Promise<void> {
  const { page, t } = stage
  await heading(stage, '/admin', 'admin.title')
  await page.getByRole('tab', { name: t(part) }).click()
  await expect(page.getByRole('tabpanel', { name: t(part) })).not.toBeEmpty()
}

export const SCENES: readonly Scene[] = [
  { name: 'login', outside: true, go: (stage) => heading(stage, '/', 'auth.loginTitle') },
  {
    name: 'register',
    outside: true,
    go: async (stage) => {
      await heading(stage, '/', 'auth.loginTitle')
      await stage.page.getByRole('link', { name: stage.t('auth.register') }).click()
      await expect(stage.page.getByRole('heading', { name: stage.t('auth.registerTitle') })).toBeVisible()
    },
  },
  { name: 'list', go: list },
  { name: 'chat', go: privately },
  {
    name: 'chat-media',
    go: async (stage) => {
      await privately(stage)
      await reach(stage, `[data-mid="${stage.sample.picture}"]`)
    },
  },
  { name: 'group', go: inGroup },
  {
    name: 'members',
    go: async (stage) => {
      if (stage.phone) await stage.page.goto(`/groups/${stage.sample.group}/members`)
      else await inGroup(stage)
      const member = stage.page.locator('[role=listitem]').filter({ hasText: stage.sample.peer.nickname }).first()
      if (!stage.phone) {
        const info = stage.page.getByRole('button', { name: stage.t('chat.info') })
        // The panel itself comes a moment after it is known whether there is one.
        if ((await info.getAttribute('aria-expanded')) === 'false') await info.click()
      }
      await expect(member).toBeVisible()
    },
  },
  {
    name: 'message-menu',
    go: async (stage) => {
      await privately(stage)
      await openMenu(stage, stage.sample.text)
    },
  },
  {
    name: 'details',
    go: async (stage) => {
      const dialog = await fromMessageMenu(stage, 'action.details', 'chat.details')
      await expect(dialog.getByRole('list', { name: stage.t('chat.readers') })).toBeVisible()
    },
  },
  { name: 'forward', go: async (stage) => void (await fromMessageMenu(stage, 'action.forward', 'chat.forwardTitle')) },
  {
    name: 'recording',
    go: async (stage) => {
      await privately(stage)
      await stage.page.getByRole('button', { name: stage.t('media.record'), exact: true }).click()
      await expect(stage.page.getByRole('group', { name: stage.t('media.recording') }).getByRole('timer')).toHaveText(/[1-9]$/)
    },
  },
  {
    name: 'search-in-chat',
    go: async (stage) => {
      await inGroup(stage)
      await stage.page.getByRole('button', { name: stage.t('search.inChat') }).first().click()
      await expect(stage.page.getByRole('searchbox').last()).toBeVisible()
    },
  },
  {
    name: 'gallery',
    go: async (stage) => {
      const panel = await inSearch(stage, 'search.kindMedia')
      await expect(panel.locator('[role=listitem] img').first()).toBeVisible()
    },
  },
  {
    name: 'gallery-files',
    go: async (stage) => {
      const panel = await inSearch(stage, 'search.kindFile')
      await expect(panel.getByRole('listitem').getByRole('button').first()).toBeVisible()
    },
  },
  {
    name: 'go-to-date',
    go: async (stage) => {
      const panel = await inSearch(stage, 'search.kindText')
      await panel.getByRole('button', { name: stage.t('search.byDate') }).click()
      await expect(stage.page.getByRole('dialog', { name: stage.t('search.byDate') }).getByRole('grid')).toBeVisible()
    },
  },
  { name: 'new-menu', go: newMenu },
  { name: 'add-friend', go: (stage) => fromNewMenu(stage, 'menu.addFriend') },
  { name: 'create-group', go: (stage) => fromNewMenu(stage, 'menu.createGroup') },
  { name: 'join-group', go: (stage) => fromNewMenu(stage, 'menu.joinGroup') },
  {
    name: 'contacts',
    go: async ({ page, sample }) => {
      await page.goto('/contacts')
      await expect(page.getByText(sample.peer.nickname).first()).toBeVisible()
    },
  },
  {
    name: 'contact',
    go: async ({ page, sample }) => {
      await page.goto(`/contacts/${sample.peer.id}`)
      await expect(page.getByRole('heading', { name: sample.peer.nickname }).first()).toBeVisible()
    },
  },
  {
    name: 'groups',
    go: async ({ page }) => {
      await page.goto('/groups')
      await expect(page.getByText('研发一组').first()).toBeVisible()
    },
  },
  {
    name: 'cluster',
    go: async (stage) => {
      await stage.page.goto('/cluster')
      // On the map it stands too, which phones have not.
      await expect(stage.page.locator('[data-row-node="node-3"]')).toBeVisible()
    },
  },
  {
    name: 'group-page',
    go: async ({ page, sample }) => {
      await page.goto(`/groups/${sample.group}`)
      await expect(page.getByRole('heading', { name: '研发一组' }).first()).toBeVisible()
    },
  },
  { name: 'profile', go: (stage) => heading(stage, '/settings/profile', 'profile.title') },
  { name: 'settings', go: (stage) => heading(stage, '/settings', 'nav.settings') },
  {
    name: 'emoji',
    go: async (stage) => {
      const panel = await drawer(stage, 'chat.emoji')
      await expect(panel.locator('emoji-picker .emoji-menu button.emoji').first()).toBeVisible()
    },
  },
  {
    name: 'stickers',
    go: async (stage) => {
      const panel = await drawer(stage, 'chat.emoji')
      // By its name: the picker of emoji has tabs of its own.
      await panel.getByRole('tab', { name: stage.t('pack.birds'), exact: true }).click()
      await expect(panel.locator('[role=tabpanel]:not([hidden]) img').first()).toBeVisible()
    },
  },
  { name: 'attach', go: async (stage) => void (await drawer(stage, 'chat.attach')) },
  {
    name: 'packet-form',
    go: async (stage) => {
      const panel = await drawer(stage, 'chat.attach')
      await panel.getByRole('menuitem', { name: stage.t('media.attach.packet') }).click()
      await expect(stage.page.getByRole('button', { name: stage.t('packet.send') })).toBeVisible()
    },
  },
  {
    name: 'packet',
    go: async (stage) => {
      await privately(stage)
      await (await reach(stage, '[data-packet]')).click()
      await expect(stage.page.getByRole('dialog')).toBeVisible()
      await expect(stage.page.getByRole('button', { name: stage.t('packet.open') })).toBeVisible()
    },
  },
  {
    name: 'lightbox',
    go: async (stage) => {
      await privately(stage)
      await (await reach(stage, `[data-mid="${stage.sample.picture}"] button[aria-label="${stage.t('media.openPicture')}"]`)).click()
      await expect(stage.page.getByRole('dialog', { name: stage.t('media.pictures') })).toBeVisible()
      await expect(stage.page.locator('.pswp__img').first()).toBeVisible()
    },
  },
  {
    name: 'profile-sheet',
    go: async (stage) => {
      await inGroup(stage)
      await stage.page.getByRole('button', { name: stage.t('chat.profileOf', { name: stage.sample.friends[4]?.nickname ?? '' }) }).last().click()
      await expect(stage.page.getByRole('dialog', { name: stage.t('chat.profile') })).toBeVisible()
    },
  },
  ...(['figures', 'users', 'groups', 'invites', 'notice', 'audit'] as const).map((part): Scene => ({
    name: `operations-${part}`,
    go: (stage) => operations(stage, `admin.${part}`),
  })),
]
