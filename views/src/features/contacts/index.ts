// Friends in sections by letter. Pure.

import { compareNames, letterOf } from '@/i18n/pinyin'

export interface Section<T> {
  letter: string
  items: T[]
}

export function sectionsOf<T extends { label: string }>(items: readonly T[]): Section<T>[] {
  const found = new Map<string, T[]>()
  for (const item of [...items].sort((a, b) => compareNames(a.label, b.label))) {
    const letter = letterOf(item.label)
    found.set(letter, [...(found.get(letter) ?? []), item])
  }
  return [...found].map(([letter, list]) => ({ letter, items: list }))
}
