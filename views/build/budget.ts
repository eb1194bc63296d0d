import { promises as fs } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Manifest, Plugin, ResolvedConfig } from 'vite'

/** Gzipped bytes of script that a route may need before it can show itself; entries are modules or groups of them. */
const BUDGETS = [
  { route: 'log-in', bytes: 90_000, entries: ['src/i18n/zh-CN/first.ts', 'src/features/auth/LoginPage.vue'] },
  {
    route: 'chat',
    bytes: 130_000,
    entries: ['src/i18n/zh-CN/first.ts', 'inside'],
  },
]
const ALWAYS = ['index.html']

function closure(manifest: Manifest, keys: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of keys) {
    const key = name in manifest ? name : (Object.keys(manifest).find((known) => manifest[known]?.name === name) ?? name)
    if (found.has(key)) continue
    found.add(key)
    closure(manifest, manifest[key]?.imports ?? [], found)
  }
  return found
}

/** Fails the build when a route's scripts outgrow their budget. */
export function budget(): Plugin {
  let config: ResolvedConfig
  return {
    name: 'starling-budget',
    apply: 'build',
    configResolved(resolved) {
      config = resolved
    },
    async closeBundle() {
      const out = path.resolve(config.root, config.build.outDir)
      const manifest = JSON.parse(await fs.readFile(path.join(out, '.vite/manifest.json'), 'utf8')) as Manifest
      for (const { route, bytes, entries } of BUDGETS) {
        let sum = 0
        for (const key of closure(manifest, [...ALWAYS, ...entries])) {
          const chunk = manifest[key]
          if (!chunk) throw new Error(`${key} is not in the manifest; the budget of ${route} names it`)
          sum += gzipSync(await fs.readFile(path.join(out, chunk.file)), { level: 9 }).length
        }
        config.logger.info(`${route}: ${(sum / 1000).toFixed(1)} of ${bytes / 1000} kB gzip`)
        if (sum > bytes) throw new Error(`${route} needs ${sum} bytes of gzipped script, ${bytes} are allowed`)
      }
    },
  }
}
