import { createHash } from 'node:crypto'
import { promises as fs } from 'node:fs'
import path from 'node:path'
import type { Plugin, ResolvedConfig } from 'vite'

/** The name in the worker's source that stands for what this plugin knows. */
const PLACE = '__STARLING_BUILD__'
const WORKER = 'sw.js'
/** What the page needs to start and to go anywhere without a network; data files are fetched when wanted. */
const KEPT = /\.(?:js|css|html|svg|webmanifest)$/

/** Tells the service worker which files make up the client, and a version that changes with any of them. */
export function worker(): Plugin {
  let config: ResolvedConfig
  return {
    name: 'starling-worker',
    apply: 'build',
    enforce: 'post',
    configResolved(resolved) {
      config = resolved
    },
    // Everything is written by now, the public files too, and nothing is compressed yet.
    async writeBundle() {
      const out = path.resolve(config.root, config.build.outDir)
      const found = await fs.readdir(out, { withFileTypes: true, recursive: true })
      const names = found
        .filter((item) => item.isFile() && KEPT.test(item.name) && item.name !== WORKER)
        .map((item) => path.relative(out, path.join(item.parentPath, item.name)))
        .filter((name) => !name.startsWith('.'))
        .sort()
      const digest = createHash('sha256')
      for (const name of names) digest.update(name).update(await fs.readFile(path.join(out, name)))
      const build = { version: digest.digest('hex').slice(0, 16), files: names.map((name) => `/${name}`) }
      const file = path.join(out, WORKER)
      const source = await fs.readFile(file, 'utf8')
      if (!source.includes(PLACE)) throw new Error(`${WORKER} does not ask for the build's files`)
      await fs.writeFile(file, source.replace(PLACE, JSON.stringify(build)))
    },
  }
}
