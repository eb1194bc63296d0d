// A typed `t()` in place of a library: the two catalogues are checked against each other by the compiler, plurals and
// dates come from Intl, and about 28 kB of gzipped script are not sent. Each language is two chunks: what is said before
// the log-in, and what is said behind it.

import { shallowRef } from 'vue'
import type { Key, Messages } from './zh-CN'

export type Language = 'zh-CN' | 'en'
export const LANGUAGES: readonly Language[] = ['zh-CN', 'en']
export type { Key }

/** `door`: all that the log-in pages say. */
type Part = 'door' | 'inside'

const loaders: Record<Language, Record<Part, () => Promise<{ default: Partial<Messages> }>>> = {
  'zh-CN': { door: () => import('./zh-CN/door'), inside: () => import('./zh-CN/inside') },
  en: { door: () => import('./en/door'), inside: () => import('./en/inside') },
}
const parts = new Set<Part>(['door'])
let wanted: Language = 'zh-CN'

interface Active {
  language: Language
  messages: Partial<Messages> | null
  plural: Intl.PluralRules
}

const active = shallowRef<Active>({ language: 'zh-CN', messages: null, plural: new Intl.PluralRules('zh-CN') })

/** The language of the page as it is now; reactive. */
export function currentLanguage(): Language {
  return active.value.language
}

export async function setLanguage(language: Language): Promise<void> {
  wanted = language
  await load()
}

/** The texts behind the log-in; they come with the pages that say them. */
export async function loadInside(): Promise<void> {
  if (parts.has('inside')) return
  parts.add('inside')
  try {
    await load()
  } catch (error) {
    parts.delete('inside')
    throw error
  }
}

async function load(): Promise<void> {
  const language = wanted
  const count = parts.size
  const loaded = await Promise.all([...parts].map((part) => loaders[language][part]()))
  // Something else was asked for meanwhile, and comes by itself.
  if (language !== wanted || count !== parts.size) return
  const messages: Partial<Messages> = Object.assign({}, ...loaded.map((one) => one.default))
  active.value = { language, messages, plural: new Intl.PluralRules(language) }
  document.documentElement.lang = language
}

export type Params = Record<string, string | number>

/** The text of `key`. `{name}` is filled from `params`; `one|other` is chosen by `params.n`. Reactive. */
export function t(key: Key, params: Params = {}): string {
  const { messages, plural } = active.value
  return format(messages?.[key] ?? '', params, plural)
}

/** The text of a key made at run time, if there is one. Reactive. */
export function textOf(key: string): string | null {
  const messages: Readonly<Record<string, string>> = active.value.messages ?? {}
  return messages[key] ?? null
}

export function format(text: string, params: Params, plural: Intl.PluralRules): string {
  return choose(text, params.n, plural).replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole))
}

function choose(text: string, n: string | number | undefined, plural: Intl.PluralRules): string {
  const [one, other] = text.split('|')
  if (other === undefined || one === undefined) return text
  return plural.select(Number(n)) === 'one' ? one : other
}
