import { expect, test } from 'vitest'
import enCommon from './en'
import enAdmin from './en/admin'
import { format } from './index'
import zhCommon from './zh-CN'
import zhAdmin from './zh-CN/admin'

const en = { ...enCommon, ...enAdmin }
const zh = { ...zhCommon, ...zhAdmin }

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
