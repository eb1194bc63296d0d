// The server's field rules, checked before asking it. Lengths count characters, not UTF-16 units.

import * as v from 'valibot'
import type { Key } from '@/i18n'

const characters = (text: string) => [...text].length
const key = (name: Key) => name

const name = v.pipe(
  v.string(),
  v.trim(),
  v.nonEmpty(key('auth.nameMissing')),
  v.check((text) => characters(text) <= 32, key('auth.nameLong')),
)

export const loginForm = v.object({ name, password: v.pipe(v.string(), v.nonEmpty(key('auth.passwordMissing'))) })

export const registerForm = v.pipe(
  v.object({
    name,
    nickname: v.pipe(
      v.string(),
      v.trim(),
      v.check((text) => characters(text) <= 40, key('auth.nicknameLong')),
    ),
    password: v.pipe(
      v.string(),
      v.nonEmpty(key('auth.passwordMissing')),
      v.check((text) => characters(text) >= 8, key('auth.passwordShort')),
      v.check((text) => characters(text) <= 128, key('auth.passwordLong')),
    ),
    again: v.string(),
  }),
  v.forward(
    v.partialCheck(
      [['password'], ['again']],
      (form) => form.password === form.again,
      key('auth.passwordDiffers'),
    ),
    ['again'],
  ),
)

/** The first problem of each field, as a text key. */
export function problems(issues: readonly v.BaseIssue<unknown>[]): Record<string, Key> {
  const found: Record<string, Key> = {}
  for (const issue of issues) {
    const field = v.getDotPath(issue)
    if (field && !(field in found)) found[field] = issue.message as Key
  }
  return found
}

/** A rough guess at how hard a password is to find: length counts more than variety. */
export function strength(password: string): Key | null {
  if (characters(password) < 8) return null
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(password)).length
  const points = characters(password) + kinds * 2 - (new Set(password).size < 5 ? 8 : 0)
  if (points < 13) return 'auth.strengthWeak'
  return points < 18 ? 'auth.strengthFair' : 'auth.strengthGood'
}
