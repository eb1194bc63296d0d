// A deployment that looks lived in: people, groups and messages of every kind, made by REST. What is looked at or asked
// about as a whole (screenshots, accessibility) starts from it.

import { request } from '@playwright/test'
import type { APIRequestContext, Browser, BrowserContextOptions, Page } from '@playwright/test'
import { paintAvatar, paintLandscape, recordClip, spokenWav } from './paint'
import { DESK, expect } from './world'

export interface Account {
  id: number
  name: string
  nickname: string
  password: string
  token: string
  base: string
  api: APIRequestContext
}

export interface Sample {
  /** Whose pages are looked at. */
  me: Account
  friends: readonly Account[]
  /** Asked `me` to be a friend. */
  stranger: Account
  /** With whom `me` has messages of every kind, and a group where many talk. */
  peer: Account
  group: number
  quietGroup: number
  /** The last picture and the last text of the peer, by seq. */
  picture: number
  text: number
  /** A message of `me` in the group that others read and reacted to. */
  reacted: number
  /** A page of somebody who is logged in as `me`. */
  open: (browser: Browser, options?: BrowserContextOptions) => Promise<Page>
  close: () => Promise<void>
}

interface FileInfo {
  url: string
  thumb?: string
  width?: number
  height?: number
  size: number
}

const PASSWORD = 'correct horse battery'
const LANDSCAPES = [
  { width: 960, height: 640, hue: 205 },
  { width: 640, height: 900, hue: 28 },
]

let made = 0

export async function account(base: string, nickname: string): Promise<Account> {
  const name = `s${Date.now().toString(36)}${made++}`
  const api = await request.newContext({ baseURL: base, extraHTTPHeaders: { Origin: base } })
  const answer = await api.post('/api/v1/register', { data: { name, password: PASSWORD, nickname, device: 'Chrome' } })
  expect(answer.status(), await answer.text()).toBe(201)
  const { user, token } = (await answer.json()) as { user: { id: number }; token: string }
  return { id: user.id, name, nickname, password: PASSWORD, token, base, api }
}

/** A request that has to succeed; its answer, if it has one. */
export async function ask<T>(who: Account, method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, data?: unknown): Promise<T> {
  const answer = await who.api.fetch(path, { method, data: data ?? undefined })
  expect(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`).toBe(true)
  return (answer.status() === 204 ? null : await answer.json()) as T
}

export async function uploadAs(who: Account, name: string, mimeType: string, buffer: Buffer): Promise<FileInfo> {
  const answer = await who.api.post('/api/v1/files', { multipart: { file: { name, mimeType, buffer } } })
  expect(answer.status(), await answer.text()).toBe(201)
  return (await answer.json()) as FileInfo
}

/** Sends a message and returns its seq. */
export async function send(who: Account, conv: string, message: Record<string, unknown>): Promise<number> {
  const cid = `sample-${Date.now().toString(36)}-${made++}`
  const path = `/api/v1/conversations/${conv}/messages`
  const { seq } = await ask<{ seq: number }>(who, 'POST', path, { cid, media: 1, ...message })
  return seq
}

export const text = (content: string, more: Record<string, unknown> = {}) => ({ media: 1, content, ...more })

export async function befriend(a: Account, b: Account): Promise<void> {
  await ask(a, 'POST', '/api/v1/friends', { id: b.id, message: '我是' + a.nickname })
  await ask(b, 'POST', '/api/v1/friends', { id: a.id })
}

/** The people of the sample, `me` first, then friends; the last one is a stranger. */
const PEOPLE: [nickname: string, memo: string, hue: number | null][] = [
  ['林夏', '把复杂的事情做简单', 158],
  ['陈默', '在路上', 210],
  ['苏晓雨', '咖啡与胶片', 24],
  ['王海川', '后端 · 值班中', null],
  ['周子墨', '', 275],
  ['Ada Byron', 'Poetical science', 340],
  ['赵一鸣', '跑步第 128 天', null],
  ['Grace Hopper', 'Dare and do', 190],
  ['何川', '', null],
]

export async function sample(browser: Browser, bases: readonly string[]): Promise<Sample> {
  const studio = await (await browser.newContext()).newPage()
  await studio.goto('about:blank')
  const at = (n: number) => bases[n % bases.length] ?? ''
  const people: Account[] = []
  for (const [n, [nickname, memo, hue]] of PEOPLE.entries()) {
    const who = await account(at(n), nickname)
    people.push(who)
    const avatar = hue === null ? '' : (await uploadAs(who, 'avatar.png', 'image/png', await paintAvatar(studio, hue, n))).url
    await ask(who, 'PATCH', '/api/v1/me', { memo, ...(avatar && { avatar }) })
  }
  const [me, peer, third, fourth, fifth, ada, sixth, grace, stranger] = people as [
    Account, Account, Account, Account, Account, Account, Account, Account, Account,
  ]
  const friends = [peer, third, fourth, fifth, ada, sixth, grace]
  for (const friend of friends) await befriend(friend, me)
  await ask(stranger, 'POST', '/api/v1/friends', { id: me.id, message: '我是隔壁组的何川，想请教一下部署的问题' })

  const { group, reacted } = await talkInGroup(me, [peer, third, fourth, fifth, ada])
  const quietGroup = await otherGroup(third, [me, sixth, grace], studio)
  await ask(ada, 'POST', '/api/v1/groups', { name: 'Design review', category: 2, memo: 'Thursdays, 15:00', members: [me.id, grace.id] })
  const shown = await talkInPrivate(me, peer, studio)
  const seen = await send(third, `u:${me.id}`, text('周末的路线我改了一版，你看看？'))
  await ask(me, 'POST', `/api/v1/conversations/u:${third.id}/read`, { seq: seen })
  await send(me, `u:${third.id}`, text('好，晚上看'))
  for (const line of ['上线前还差一个回归', '我已经排到明天上午', '有问题随时叫我']) await send(fourth, `u:${me.id}`, text(line))
  await send(ada, `u:${me.id}`, text('The retry path looks right to me now 👍'))
  await send(me, `u:${me.id}`, text('周五前：发布说明、备份演练、给新同事开账号'))
  await ask(me, 'PATCH', `/api/v1/conversations/g:${group}`, { pinned: true })
  await ask(me, 'PATCH', `/api/v1/conversations/g:${quietGroup}`, { muted: true })
  await send(grace, `g:${quietGroup}`, text('See you at the trailhead at 7:30!'))
  await studio.context().close()

  const online = await keepOnline(browser, bases[0] ?? '', [peer, third, ada])
  return {
    me,
    friends,
    stranger,
    peer,
    group,
    quietGroup,
    reacted,
    ...shown,
    open: (opener, options) => logIn(opener, me, options),
    close: async () => {
      await online.context().close()
      await Promise.all(people.map((who) => who.api.dispose()))
    },
  }
}

async function talkInGroup(
  me: Account,
  others: [Account, Account, Account, Account, Account],
): Promise<{ group: number; reacted: number }> {
  const [peer, third, fourth, fifth, ada] = others
  const { id } = await ask<{ id: number }>(me, 'POST', '/api/v1/groups', {
    name: '研发一组',
    category: 4,
    memo: '每天 10:00 站会；上线前先看看板',
    members: others.map((who) => who.id),
  })
  await ask(me, 'PATCH', `/api/v1/groups/${id}/members/${fourth.id}`, { role: 'admin' })
  const conv = `g:${id}`
  const first = await send(fourth, conv, text('早。昨晚的压测过了：三节点，每秒两万条，没有丢一条'))
  await send(peer, conv, text('太好了 🎉'))
  await send(peer, conv, text('p95 是多少？'))
  await send(fourth, conv, text('跨节点 18 ms，同节点 4 ms。报告在 http://wiki.lan/reports/128，有空都看一下'))
  await send(me, conv, text('辛苦！我把它写进发布说明', { reply_to: first }))
  await send(third, conv, text(`@${me.nickname} 设计稿第三页的深色对比度要再调一下`, { mentions: [me.id] }))
  await send(me, conv, text('收到，下午改'))
  await send(ada, conv, text('I can review the wording this afternoon.'))
  await send(fifth, conv, { media: 6, content: 'done', url: '/asset/packs/birds/done.svg' })
  const last = await send(me, conv, text('那就三点碰一下？'))
  for (const [emoji, fans] of [['👍', [peer, third, ada]], ['🎉', [fourth]]] as const) {
    for (const fan of fans) await ask(fan, 'PUT', `/api/v1/entries/${last}/reactions/${encodeURIComponent(emoji)}`)
  }
  for (const reader of [peer, third, ada]) await ask(reader, 'POST', `/api/v1/conversations/${conv}/read`, { seq: last })
  await send(third, conv, text('可以'))
  await send(ada, conv, text('Works for me'))
  return { group: id, reacted: last }
}

async function otherGroup(owner: Account, members: Account[], studio: Page): Promise<number> {
  const icon = await uploadAs(owner, 'icon.png', 'image/png', await paintLandscape(studio, { width: 256, height: 256, hue: 130 }))
  const { id } = await ask<{ id: number }>(owner, 'POST', '/api/v1/groups', {
    name: '周末登山',
    icon: icon.url,
    category: 1,
    memo: '不赶路，看风景',
    members: members.map((who) => who.id),
  })
  await send(owner, `g:${id}`, text('这周六去哪儿？'))
  return id
}

/** One message of every kind, both ways. */
async function talkInPrivate(me: Account, peer: Account, studio: Page): Promise<{ picture: number; text: number }> {
  const toPeer = `u:${peer.id}`
  const toMe = `u:${me.id}`
  const [wide, tall] = await Promise.all(LANDSCAPES.map((size) => paintLandscape(studio, size)))
  if (!wide || !tall) throw new Error('nothing was painted')
  const pictures = [await uploadAs(peer, 'ridge.jpg', 'image/jpeg', wide), await uploadAs(me, 'valley.jpg', 'image/jpeg', tall)] as const
  const pictureOf = (file: FileInfo) => ({ media: 4, url: file.url, pic: file.thumb, meta: { w: file.width, h: file.height } })

  await send(peer, toMe, text('昨天的照片整理好了，先发两张'))
  await send(peer, toMe, pictureOf(pictures[0]))
  await send(me, toPeer, text('这张的光太好了！'))
  const picture = await send(me, toPeer, pictureOf(pictures[1]))
  const voice = await uploadAs(peer, 'voice.wav', 'audio/wav', spokenWav(7))
  const peaks = Array.from({ length: 40 }, (_, n) => Math.round(28 + 60 * Math.abs(Math.sin(n * 0.7) * Math.cos(n * 0.19))))
  await send(peer, toMe, { media: 3, url: voice.url, amount: 7, meta: { peaks } })
  const clip = await recordClip(studio)
  const video = await uploadAs(peer, 'summit.webm', 'video/webm', clip.bytes)
  const poster = await uploadAs(peer, 'poster.jpg', 'image/jpeg', clip.poster)
  await send(peer, toMe, { media: 8, url: video.url, pic: poster.url, amount: 2, meta: { w: 640, h: 360, size: video.size } })
  const pdf = await uploadAs(me, '发布说明-1.0.pdf', 'application/pdf', Buffer.from(`%PDF-1.4\n${'% Starling\n'.repeat(20_000)}`))
  await send(me, toPeer, { media: 10, url: pdf.url, content: '发布说明-1.0.pdf', meta: { size: pdf.size } })
  await send(peer, toMe, {
    media: 2,
    content: '把一台旧电脑变成全公司的聊天服务器',
    url: 'http://wiki.lan/articles/42',
    pic: pictures[0].url,
    memo: '一个二进制文件、一条命令，不需要数据库。本文记录了我们从零到三节点的一周。',
  })
  await send(me, toPeer, { media: 7, content: '值班表', url: 'http://wiki.lan/oncall' })
  await send(peer, toMe, { media: 11, content: '云栖小镇会展中心', memo: '杭州市西湖区河滨路 1 号', meta: { lat: 30.12, lon: 120.08 } })
  await send(peer, toMe, { media: 9, content: String(me.id), memo: me.nickname })
  await send(peer, toMe, { media: 6, content: 'love', url: '/asset/packs/birds/love.svg' })
  await ask(peer, 'POST', `/api/v1/conversations/${toMe}/packets`, {
    cid: `packet-${peer.id}`, kind: 'packet', total: 1_888, count: 1, split: 'equal', memo: '咖啡我请',
  })
  await send(me, toPeer, text('哈哈，谢谢 😄'))
  const last = await send(peer, toMe, text('明天见'))
  return { picture, text: last }
}

async function logIn(browser: Browser, who: Account, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ baseURL: who.base, viewport: DESK, ...options })
  const answer = await context.request.post('/api/v1/login', {
    data: { name: who.name, password: who.password, device: 'Chrome' },
    headers: { Origin: who.base },
  })
  expect(answer.status(), await answer.text()).toBe(200)
  return context.newPage()
}

/** Sockets of some people, so that they are shown as online. */
async function keepOnline(browser: Browser, base: string, people: readonly Account[]): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: base })).newPage()
  await page.goto('/healthz')
  await page.evaluate(
    (tokens) =>
      Promise.all(
        tokens.map(
          (token) =>
            new Promise<void>((resolve, reject) => {
              const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`)
              socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token }))
              socket.onmessage = () => resolve()
              socket.onclose = () => reject(new Error('closed'))
            }),
        ),
      ),
    people.map((who) => who.token),
  )
  return page
}
