// Asks axe about a page, and says what it found in lines that tell where to look.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Page } from '@playwright/test'

interface Finding {
  id: string
  impact: string | null
  help: string
  nodes: { target: string[]; html: string; failureSummary?: string }[]
}

interface Axe {
  run: (context: Document, options: object) => Promise<{ violations: Finding[] }>
}

/** WCAG 2.2 at level AA. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const source = readFileSync(path.resolve(__dirname, '../../../views/node_modules/axe-core/axe.min.js'), 'utf8')

/** What violates the rules; empty when nothing does. */
export async function violations(page: Page): Promise<string[]> {
  // The page's policy forbids foreign scripts; what the debugger evaluates is not held to it.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source)
  const found = await page.evaluate(async (tags) => {
    const { axe } = window as unknown as { axe: Axe }
    return (await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })).violations
  }, TAGS)
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, html, failureSummary }) => `${id}: ${target.join(' ')} ${html.slice(0, 160)} ${summary(failureSummary)}`),
  )
}

function summary(text = ''): string {
  return text.replace(/\s+/g, ' ').slice(0, 300)
}
