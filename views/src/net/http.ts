// The only place that calls `fetch` (`upload.ts` is its like for files). Turns every failure into an `ApiError` with the server's stable code.

import { takeAhead } from './ahead'

/** Longer than a node's own deadlines, so its 503 arrives before we give up. */
const REQUEST_MS_MAX = 15_000

export class ApiError extends Error {
  constructor(
    /** 0: no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
    readonly retryAfterMs: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

interface ErrorBody {
  error?: { code?: string; message?: string; field?: string; retry_after_ms?: number }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

let language = 'zh-CN'
let onUnauthorized: () => void = () => undefined

/** The language error messages come in. */
export function speak(tag: string): void {
  language = tag
}

/** Called when a request fails because the session is over. */
export function whenUnauthorized(callback: () => void): void {
  onUnauthorized = callback
}

export async function request<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body)
  if (response.ok) return (response.status === 204 ? undefined : await parse(response)) as T
  const error = errorOf(response.status, await response.json().catch(() => ({})))
  endedSession(error)
  throw error
}

/** A plain text. */
export async function requestText(path: string): Promise<string> {
  const response = await send('GET', path, undefined)
  const type = response.headers.get('Content-Type') ?? ''
  // Where a path is not known, the page itself may be the answer.
  if (response.ok && type.startsWith('text/plain')) return response.text()
  throw errorOf(response.ok ? 404 : response.status, await response.json().catch(() => ({})))
}

/** The page itself as the server has it now; `null` if it does not answer. */
export async function servedPage(): Promise<string | null> {
  const answer = await fetch('/', { cache: 'no-store' }).catch(() => null)
  return answer?.ok ? answer.text().catch(() => null) : null
}

async function send(method: Method, path: string, body: unknown): Promise<Response> {
  const known = method === 'GET' ? takeAhead(path) : undefined
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': language }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  try {
    if (known) return await known
    return await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    })
  } catch {
    throw new ApiError(0, 'network', '')
  }
}

async function parse(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    throw new ApiError(response.status, 'internal', '')
  }
}

/** Tells the application when the error means that the session is over. */
export function endedSession(error: ApiError): void {
  if (error.status === 401 && error.code === 'unauthorized') onUnauthorized()
}

/** The error that a refusing answer's body tells of. */
export function errorOf(status: number, body: unknown): ApiError {
  const error = (body as ErrorBody | null)?.error ?? {}
  return new ApiError(
    status,
    error.code ?? 'internal',
    error.message ?? '',
    error.field ?? null,
    error.retry_after_ms ?? null,
  )
}
