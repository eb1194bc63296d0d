import type { OutputBundle, OutputChunk } from 'rolldown'
import type { Plugin } from 'vite'

const SCRIPT = '<script src="/first.js">'
/** What a logged-in reader's first look needs beside what the page itself names; the words in one of two languages. */
const AHEAD = { inside: 'src/app/inside.ts', zh: 'src/i18n/zh-CN/first.ts', en: 'src/i18n/en/first.ts' }

/** Tells the page's first script which files it can ask for ahead of the scripts that will. */
export function ahead(): Plugin {
  return {
    name: 'starling-ahead',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle = {} }) {
        if (!html.includes(SCRIPT)) throw new Error(`index.html lacks ${SCRIPT}`)
        const named = Object.entries(AHEAD).map(([name, module]) => `data-${name}="${files(bundle, module, html).join(' ')}"`)
        return html.replace(SCRIPT, `${SCRIPT.slice(0, -1)} ${named.join(' ')}>`)
      },
    },
  }
}

/** The chunk that a module is in and what it imports, but for what the page names already. */
function files(bundle: OutputBundle, module: string, html: string): string[] {
  const chunks = Object.values(bundle).filter((item): item is OutputChunk => item.type === 'chunk')
  const chunk = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(module)))
  if (!chunk) throw new Error(`no chunk is made of ${module}`)
  return [...chunk.imports, chunk.fileName].map((name) => `/${name}`).filter((name) => !html.includes(name))
}
