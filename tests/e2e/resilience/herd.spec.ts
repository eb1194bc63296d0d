// Two hundred clients of one node: the page's own connection, each with a socket, a login and dice of its own.

import { expect, test } from '@playwright/test'
import type { APIRequestContext } from '@playwright/test'
import type { Connection } from '../../../views/src/net/connection'
import { Link } from '../../../views/src/net/socket'
import { Cluster } from '../cluster'
import { tell } from '../perf/measure'
import { NodeSocket } from '../socket'

const CLIENTS = 200
/** As many of each person's devices as a node allows. */
const DEVICES = 10
const SPREAD_MS = 2_000
const SLOT_MS = 250
const AT_ONCE = CLIENTS / 4

interface Client {
  link: Link
  live: boolean
  /** When it means to try again; a busy machine lets it do so late, and then several at once. */
  meant: number[]
  /** When it had a socket that was good. */
  back: number
  sockets: NodeSocket[]
  /** How many of them lived at most at a time. */
  most: number
}

let cluster: Cluster
const clients: Client[] = []

test.beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 1 })
})

test.afterAll(async () => {
  for (const { link } of clients) link.stop()
  Reflect.deleteProperty(globalThis, 'WebSocket')
  await cluster?.close()
})

async function cookieOf(request: APIRequestContext, n: number): Promise<string> {
  const name = `herd-${Date.now().toString(36)}-${n}`
  const answer = await request.post(`${cluster.url}/api/v1/register`, { data: { name, password: 'correct horse battery' }, headers: { Origin: cluster.url } })
  expect(answer.status(), await answer.text()).toBe(201)
  const { token } = (await answer.json()) as { token: string }
  return `starling=${token}`
}

/** `Link` makes its sockets by the global class; which client asks is told by the part of the address that is not sent. */
function provideSockets(cookies: readonly string[]): void {
  class Socket extends NodeSocket {
    constructor(address: string) {
      const [url = '', n] = address.split('#')
      super(url, { Origin: cluster.url, Cookie: cookies[Math.floor(Number(n) / DEVICES)] ?? '' })
      const client = clients[Number(n)]
      if (!client) return
      client.sockets = [...client.sockets.filter(({ readyState }) => readyState < 2), this]
      client.most = Math.max(client.most, client.sockets.length)
    }
  }
  Object.assign(globalThis, { WebSocket: Socket })
}

function changed(client: Client, { phase, retryAt }: Connection): void {
  if (phase === 'live' && !client.live) client.back = performance.now()
  client.live = phase === 'live'
  if (retryAt !== null && retryAt !== client.meant.at(-1)) client.meant.push(retryAt)
}

function start(n: number): void {
  const url = `${cluster.url.replace(/^http/, 'ws')}/ws#${n}`
  const client: Client = {
    link: new Link(url, { changed: (state) => changed(client, state), output: () => undefined }),
    live: false,
    meant: [],
    back: NaN,
    sockets: [],
    most: 0,
  }
  clients[n] = client
  client.link.start(null, null)
}

const living = () => clients.filter(({ live }) => live).length

for (const how of ['killed', 'told to leave'] as const) {
  test(`two hundred clients of a node that is ${how} come back over two seconds and more, never many at once M5`, async ({ request }) => {
    test.setTimeout(120_000)
    const cookies: string[] = []
    for (let n = 0; n < CLIENTS / DEVICES; n++) cookies.push(await cookieOf(request, n))
    provideSockets(cookies)
    for (let n = 0; n < CLIENTS; n++) start(n)
    await expect.poll(living, { timeout: 30_000 }).toBe(CLIENTS)

    for (const client of clients) client.meant = []
    if (how === 'killed') await cluster.kill(0)
    else await cluster.stop(0)
    await expect.poll(living).toBe(0)
    await cluster.startNode(0)
    await expect.poll(living, { timeout: 60_000 }).toBe(CLIENTS)

    const back = clients.map((client) => client.back)
    const spread = Math.max(...back) - Math.min(...back)
    const slots = new Map<number, number>()
    for (const at of clients.flatMap(({ meant }) => meant)) slots.set(Math.floor(at / SLOT_MS), (slots.get(Math.floor(at / SLOT_MS)) ?? 0) + 1)
    tell('back over at least', spread, SPREAD_MS)
    tell(`most tries in ${SLOT_MS} ms`, Math.max(...slots.values()), AT_ONCE, '')
    expect(spread).toBeGreaterThanOrEqual(SPREAD_MS)
    expect(Math.max(...slots.values())).toBeLessThanOrEqual(AT_ONCE)
    expect(Math.max(...clients.map(({ most }) => most))).toBe(1)
    for (const { link } of clients) link.stop()
    await expect.poll(living).toBe(0)
  })
}
