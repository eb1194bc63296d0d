// What to tell the user about a failure: our own words for codes we know, so that they follow a live switch of
// language; the server's words for the rest.

import { ApiError } from '../net/http'
import { t, textOf } from './index'

export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return t('error.internal')
  return codeText(error.code, error.message)
}

export function codeText(code: string, message: string): string {
  return textOf(`error.${code}`) ?? (message || t('error.internal'))
}
