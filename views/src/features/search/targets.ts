// What a name can lead to: conversations, friends, groups. Pure.

import { matchOf } from '@/i18n/pinyin'
import type { Conv } from '@/net/types'

export interface Target {
  conv: Conv
  id: number
  isGroup: boolean
  title: string
  icon: string
  online?: boolean | undefined
  /** Found as well by these: the name behind a remark. */
  also: string
}

/** The best first; among equals as they came. Each conversation once. */
export function findTargets(targets: readonly Target[], words: string, max: number): Target[] {
  const seen = new Set<Conv>()
  return targets
    .filter(({ conv }) => !seen.has(conv) && seen.add(conv))
    .map((target) => ({ target, score: Math.max(matchOf(target.title, words), target.also ? matchOf(target.also, words) : 0) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, max)
    .map(({ target }) => target)
}
