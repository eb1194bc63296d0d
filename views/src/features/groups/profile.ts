// The form of a group's profile and its rules. Pure; texts of errors are keys.

import type { Key } from '@/i18n'
import type { JoinMode } from '@/net/types'

/** default, hobby, industry, life, study */
export const CATEGORIES = [0, 1, 2, 3, 4] as const
/** The server's limits, in characters. */
export const NAME_MAX = 40
export const MEMO_MAX = 140

export interface GroupForm {
  name: string
  memo: string
  icon: string
  category: 0 | 1 | 2 | 3 | 4
  join: JoinMode
}

export interface GroupErrors {
  name?: string | null
  memo?: string | null
}

export function faultsOf(form: Pick<GroupForm, 'name' | 'memo'>): { name: Key | null; memo: Key | null } {
  const name = [...form.name.trim()].length
  return {
    name: name === 0 ? 'createGroup.nameMissing' : name > NAME_MAX ? 'createGroup.nameLong' : null,
    memo: [...form.memo.trim()].length > MEMO_MAX ? 'createGroup.memoLong' : null,
  }
}

export function trimmed(form: GroupForm): GroupForm {
  return { ...form, name: form.name.trim(), memo: form.memo.trim() }
}

/** What differs from what is stored; a request that changes nothing would still tell everybody. */
export function changesOf(form: GroupForm, stored: GroupForm): Partial<GroupForm> {
  const next = trimmed(form)
  const keys = (Object.keys(next) as (keyof GroupForm)[]).filter((key) => next[key] !== stored[key])
  return Object.fromEntries(keys.map((key) => [key, next[key]]))
}
