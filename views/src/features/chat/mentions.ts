// Calling people by name in a text: what is being typed after an @, whom it may mean, whom a text calls. Pure.

import { matches } from '@/i18n/pinyin'
import type { UserId } from '@/net/types'

/** Stands for everybody. */
export const EVERYBODY = 0
const OPTIONS_MAX = 8

export interface Called {
  id: UserId
  /** As it stands in the text, behind the @. */
  name: string
}

export interface Candidate extends Called {
  avatar: string
  /** Other names that find this person. */
  also: string
}

/** The place of the @ that the caret is behind, and what was typed since; null where nobody is being called. */
export function calling(text: string, caret: number): { start: number; typed: string } | null {
  const found = /(?:^|[^\p{L}\p{N}_.])@([^\s@]{0,40})$/u.exec(text.slice(0, caret).replaceAll('＠', '@'))
  return found ? { start: caret - (found[1] ?? '').length - 1, typed: found[1] ?? '' } : null
}

export function candidates(all: readonly Candidate[], typed: string): Candidate[] {
  return all.filter(({ name, also }) => matches(name, typed) || matches(also, typed)).slice(0, OPTIONS_MAX)
}

/** Of those who were picked, whom the text still calls. */
export function mentionsIn(text: string, picked: readonly Called[]): UserId[] {
  return [...new Set(picked.filter(({ name }) => text.includes(`@${name}`)).map(({ id }) => id))]
}

export interface Piece {
  text: string
  /** Somebody who is called here; null: plain text. */
  id: UserId | null
}

/** Splits a text at the names it calls, the longest first where one begins another. */
export function callParts(text: string, called: readonly Called[]): Piece[] {
  const names = called.filter(({ name }) => name !== '').sort((a, b) => b.name.length - a.name.length)
  if (names.length === 0) return [{ text, id: null }]
  const parts: Piece[] = []
  let rest = ''
  for (let at = 0; at < text.length; ) {
    const hit = text[at] === '@' ? names.find(({ name }) => text.startsWith(name, at + 1)) : undefined
    if (!hit) {
      rest += text[at]
      at += 1
      continue
    }
    if (rest) parts.push({ text: rest, id: null })
    rest = ''
    parts.push({ text: `@${hit.name}`, id: hit.id })
    at += hit.name.length + 1
  }
  return rest || parts.length === 0 ? [...parts, { text: rest, id: null }] : parts
}
