import { promises as fs } from 'node:fs'
import path from 'node:path'
import { constants, gzipSync } from 'node:zlib'
import type { Plugin, ResolvedConfig } from 'vite'

const COMPRESSIBLE = new Set(['.js', '.css', '.html', '.svg', '.json', '.webmanifest'])
/** Below this a gzip header and a second file cost more than they save. */
const BYTES_MIN = 1024

async function filesUnder(folder: string): Promise<string[]> {
  const found = await fs.readdir(folder, { withFileTypes: true, recursive: true })
  return found.filter((item) => item.isFile()).map((item) => path.join(item.parentPath, item.name))
}

/** Writes a `.gz` sibling beside every text file, so that neither the server nor nginx compresses at run time. */
export function compress(): Plugin {
  let config: ResolvedConfig
  return {
    name: 'starling-compress',
    apply: 'build',
    configResolved(resolved) {
      config = resolved
    },
    async closeBundle() {
      const out = path.resolve(config.root, config.build.outDir)
      for (const file of await filesUnder(out)) {
        if (!COMPRESSIBLE.has(path.extname(file))) continue
        const bytes = await fs.readFile(file)
        if (bytes.length < BYTES_MIN) continue
        const packed = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION })
        if (packed.length < bytes.length) await fs.writeFile(`${file}.gz`, packed)
      }
    },
  }
}
