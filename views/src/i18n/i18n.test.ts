import { expect, test } from 'vitest'
import en from './en'
import { format } from './index'
import zh from './zh-CN'
import first from './zh-CN/first'

const names = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].sort()

test('both languages have the same keys, in the same order', () => {
  expect(Object.keys(en)).toEqual(Object.keys(zh))
})

test.each(Object.entries(zh))('%s has the same parameters in both languages and is not empty', (key, text) => {
  const english = Object.entries(en).find(([name]) => name === key)?.[1] ?? ''
  expect(english).not.toBe('')
  expect(names(english)).toEqual(names(text))
})

test('no Chinese in the English catalogue', () => {
  for (const text of Object.values(en)) expect(text).not.toMatch(/[\u3000-\u9fff\uff00-\uffef]/)
})

test('plurals follow the language', () => {
  const rules = new Intl.PluralRules('en')
  expect(format('{n} member|{n} members', { n: 1 }, rules)).toBe('1 member')
  expect(format('{n} member|{n} members', { n: 5 }, rules)).toBe('5 members')
  expect(format('{n} 位成员', { n: 1 }, new Intl.PluralRules('zh-CN'))).toBe('1 位成员')
})

test('a value that looks like a placeholder stays as it is', () => {
  expect(format('{a}', { a: '{b}' }, new Intl.PluralRules('en'))).toBe('{b}')
})

const outside = import.meta.glob<string>(
  ['../features/auth/**/*.{vue,ts}', '../app/{App,Notices,Unreachable,Shell,Rail,Tabs,ListPane,NodeStrip,LinkBanner}.vue', '../features/chat/{ChatHeader,ChatPage,ComposerTools,Composer,Conversation*,MessageList,MessageRow,MessageMeta,SystemRow,StickyDate,TypingLine}.vue'],
  { query: '?raw', import: 'default', eager: true },
)

test.each(Object.entries(outside))('%s says nothing at the first look that is loaded only later', (_path, source) => {
  const keys = [...source.matchAll(/\bt\(\s*'([\w.-]+)'/g)].map((match) => match[1] ?? '')
  for (const key of keys) expect(Object.keys(first)).toContain(key)
})
