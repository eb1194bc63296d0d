// A typed `t()` in place of a library: the two catalogues are checked against each other by the compiler, plurals and
// dates come from Intl, and about 28 kB of gzipped script are not sent. Each language is two chunks of its own: what
// is said before the log-in and at the first look at a conversation, and all the rest.

import { shallowRef } from 'vue'
import type { Key, Messages } from './zh-CN'

export type Language = 'zh-CN' | 'en'
export const LANGUAGES: readonly Language[] = ['zh-CN', 'en']
export type { Key }

type Part = 'first' | 'rest'

const loaders: Record<Language, Record<Part, () => Promise<{ default: Partial<Messages> }>>> = {
  'zh-CN': { first: () => import('./zh-CN/first'), rest: () => import('./zh-CN/rest') },
  en: { first: () => import('./en/first'), rest: () => import('./en/rest') },
}

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

let parts: readonly Part[] = ['first']
let wanted: Language = 'zh-CN'

export async function setLanguage(language: Language): Promise<void> {
  wanted = language
  const loaded = await Promise.all(parts.map((part) => loaders[language][part]()))
  // Another choice came meanwhile.
  if (wanted !== language) return
  const before = active.value.language === language ? active.value.messages : null
  const messages = Object.assign({}, before, ...loaded.map((part) => part.default)) as Partial<Messages>
  active.value = { language, messages, plural: new Intl.PluralRules(language) }
  document.documentElement.lang = language
}

/** From here on everything can be said. */
export async function speakAll(): Promise<void> {
  if (parts.length === 1) parts = ['first', 'rest']
  await setLanguage(wanted)
}

export type Params = Record<string, string | number>

/** The text of `key`. `{name}` is filled from `params`; `one|other` is chosen by `params.n`. Reactive. */
export function t(key: Key, params: Params = {}): string {
  const { messages, plural } = active.value
  return format(messages?.[key] ?? '', params, plural)
}

/** The text of a key made at run time, if there is one. Reactive. */
export function textOf(key: string): string | null {
  const messages: Readonly<Record<string, string | undefined>> = active.value.messages ?? {}
  return messages[key] ?? null
}

export function format(text: string, params: Params, plural: Intl.PluralRules): string {
  if (!/[{|]/.test(text)) return text
  return choose(text, params.n, plural).replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole))
}

function choose(text: string, n: string | number | undefined, plural: Intl.PluralRules): string {
  const [one, other] = text.split('|')
  if (other === undefined || one === undefined) return text
  return plural.select(Number(n)) === 'one' ? one : other
}
