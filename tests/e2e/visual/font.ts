// Chinese looks the same on every machine: a bare Debian has no font for it, and others have different ones.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Page } from '@playwright/test'

const FONT = path.resolve(__dirname, '../../../views/node_modules/@fontsource-variable/noto-sans-sc')
const PREFIX = '/test-font/'

/** Before the page is opened, in a context that bypasses the policy: the font is served under the page's own origin. */
export async function useFont(page: Page): Promise<void> {
  const faces = readFileSync(path.join(FONT, 'index.css'), 'utf8').replaceAll('./files/', PREFIX)
  const css = `${faces}\n:root { font-family: 'Noto Sans SC Variable'; } body { font-family: 'Noto Sans SC Variable', 'Noto Color Emoji', sans-serif !important; }`
  await page.route(`**${PREFIX}*`, (route) =>
    route.fulfill({ path: path.join(FONT, 'files', path.basename(new URL(route.request().url()).pathname)) }),
  )
  await page.addInitScript((css) => {
    document.addEventListener('DOMContentLoaded', () => {
      document.head.append(Object.assign(document.createElement('style'), { textContent: css }))
    })
  }, css)
}
