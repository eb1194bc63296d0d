// Nodes of a test's own, for what cannot be done to those that all flows share: to kill, freeze and restart them, or
// to configure them otherwise. Each has its data in a folder that is removed, and is stopped by its process id.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

const ROOT = path.resolve(__dirname, '../..')
const READY_MS_MAX = 30_000
/** A node drains its clients when it is told to stop; one that takes longer is stuck. */
const STOP_MS_MAX = 20_000
/** Below the range of outgoing connections, so that none of those takes a port between two starts of a node. */
const PORTS = { first: 20_000, count: 12_000 }

export interface Choice {
  /** How many nodes; 3 unless said. */
  nodes?: number
  /** An nginx in front with the configuration as shipped. */
  nginx?: boolean
  /** Configuration of every node, as `chat.recall_seconds=3`. */
  set?: string[]
}

interface Node {
  name: string
  port: number
  process: ChildProcess | null
}

export class Cluster {
  private constructor(
    private readonly folder: string,
    private readonly nodes: Node[],
    private readonly flags: string[],
    private proxy: { port: number; process: ChildProcess } | null,
  ) {}

  static async start({ nodes = 3, nginx = false, set = [] }: Choice = {}): Promise<Cluster> {
    const folder = mkdtempSync(path.join(tmpdir(), 'starling-e2e-'))
    const key = path.join(folder, 'cluster.key')
    writeFileSync(key, await run(binary(), ['keygen']), { mode: 0o600 })
    const bus = await freePort()
    const settings = [
      `cluster.key_file=${key}`,
      `cluster.listen=0.0.0.0:${bus}`,
      `cluster.targets=127.255.255.255:${bus}`,
      'http.proxies=127.0.0.1',
      // All people of a test come from one address.
      'limits.auth_per_minute=100000',
      'auth.scrypt_log_n=10',
      ...set,
    ]
    const flags = ['--data', folder, ...settings.flatMap((setting) => ['--set', setting])]
    const members: Node[] = []
    for (let n = 1; n <= nodes; n++) members.push({ name: `node-${n}`, port: await freePort(), process: null })
    const cluster = new Cluster(folder, members, flags, null)
    try {
      // One after the other: the first one makes the store.
      for (let n = 0; n < nodes; n++) await cluster.startNode(n)
      if (nginx) await cluster.startProxy()
    } catch (error) {
      await cluster.close()
      throw error
    }
    return cluster
  }

  /** Where people go: nginx, or the first node when there is none. */
  get url(): string {
    return this.proxy ? local(this.proxy.port) : this.at(0)
  }

  /** The base URL of node `n`, counted from 0. */
  at(n: number): string {
    return local(this.node(n).port)
  }

  nameOf(n: number): string {
    return this.node(n).name
  }

  /** Which node has this name, as the page and `hello` show it. */
  indexOf(name: string): number {
    const n = this.nodes.findIndex((node) => node.name === name)
    if (n < 0) throw new Error(`no node is called ${name}`)
    return n
  }

  /** Starts a node that was killed or stopped, at its old address, and waits until it is ready. */
  async startNode(n: number): Promise<void> {
    const node = this.node(n)
    if (node.process) throw new Error(`${node.name} runs already`)
    const log = path.join(this.folder, `${node.name}.log`)
    const flags = ['serve', '--name', node.name, '--listen', `127.0.0.1:${node.port}`, ...this.flags]
    node.process = launch(binary(), flags, log, 'KILL')
    await ready(local(node.port), node.process, log)
  }

  /** As a power cut would: nothing is said to anybody. */
  async kill(n: number): Promise<void> {
    await this.end(n, 'SIGKILL')
  }

  /** Lets the node drain and leave. */
  async stop(n: number): Promise<void> {
    await this.end(n, 'SIGTERM')
  }

  /** The node stays connected and does nothing any more, until `thaw`. */
  freeze(n: number): void {
    this.node(n).process?.kill('SIGSTOP')
  }

  thaw(n: number): void {
    this.node(n).process?.kill('SIGCONT')
  }

  /** Makes an account an admin of the deployment. */
  async promote(name: string): Promise<void> {
    await run(binary(), ['user', 'promote', ...this.flags, name])
  }

  /** Stops everything that was started here and removes its data. */
  async close(): Promise<void> {
    const proxy = this.proxy
    this.proxy = null
    await Promise.all([
      proxy ? ended(proxy.process, 'SIGTERM') : null,
      // Nothing is kept: there is no reason to wait for clients to leave.
      ...this.nodes.map((node) => (node.process ? ended(node.process, 'SIGKILL') : null)),
    ])
    rmSync(this.folder, { recursive: true, force: true })
  }

  private node(n: number): Node {
    const node = this.nodes[n]
    if (!node) throw new Error(`there is no node ${n}`)
    return node
  }

  private async end(n: number, signal: NodeJS.Signals): Promise<void> {
    const node = this.node(n)
    if (!node.process) throw new Error(`${node.name} does not run`)
    await ended(node.process, signal)
    node.process = null
  }

  private async startProxy(): Promise<void> {
    const folder = path.join(this.folder, 'nginx')
    mkdirSync(folder)
    const port = await freePort()
    const script = '. scripts/install.sh; . scripts/nodes.sh; STARLING_BIN=$1; shift; write_nginx "$@"'
    const ports = this.nodes.map((node) => String(node.port))
    await run('bash', ['-euc', script, 'nginx', binary(), folder, '127.0.0.1', String(port), ...ports])
    const log = path.join(folder, 'error.log')
    const flags = ['-p', folder, '-c', path.join(folder, 'nginx.conf'), '-e', log, '-g', 'daemon off;']
    this.proxy = { port, process: launch('nginx', flags, log, 'TERM') }
    await ready(local(port), this.proxy.process, log)
  }
}

function local(port: number): string {
  return `http://127.0.0.1:${port}`
}

function binary(): string {
  const file = process.env.STARLING_BIN
  if (!file) throw new Error('STARLING_BIN names no binary: nodes of their own need one')
  return path.resolve(ROOT, file)
}

/** Without what configures the nodes that all flows share, such as their database. */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING__'))
  return { ...Object.fromEntries(others), PATH: `${process.env.PATH}:/usr/sbin` }
}

/** A process that gets the signal also when this one dies. */
function launch(program: string, flags: string[], log: string, signal: 'KILL' | 'TERM'): ChildProcess {
  const file = openSync(log, 'a')
  const child = spawn('setpriv', ['--pdeathsig', signal, program, ...flags], {
    cwd: ROOT,
    env: environment(),
    stdio: ['ignore', file, file],
  })
  closeSync(file)
  return child
}

async function run(program: string, flags: string[]): Promise<string> {
  const child = spawn(program, flags, { cwd: ROOT, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let trouble = ''
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (trouble += bytes.toString()))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${program} ${flags[0] ?? ''}: exit code ${code}: ${trouble || out}`)
  return out
}

async function ready(url: string, child: ChildProcess, log: string): Promise<void> {
  const deadline = Date.now() + READY_MS_MAX
  while (Date.now() < deadline && !gone(child)) {
    const answer = await fetch(`${url}/readyz`).catch(() => null)
    if (answer?.status === 200) return
    await pause(50)
  }
  throw new Error(`${url} did not become ready:\n${readFileSync(log, 'utf8').slice(-4_000)}`)
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (gone(child)) return
  const closed = once(child, 'exit')
  child.kill(signal)
  // A frozen one takes no other signal before it goes on.
  child.kill('SIGCONT')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await closed
  clearTimeout(timer)
}

function gone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count)
    if ((await isFreeTcp(port)) && (await isFreeUdp(port))) return port
  }
}

function isFreeTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function isFreeUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind(port, '0.0.0.0', () => socket.close(() => resolve(true)))
  })
}
