// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from 'vitest'
import { isAhead, takeAhead } from './ahead'

afterEach(() => {
  delete window.starlingAhead
  vi.restoreAllMocks()
})

test('an answer that was asked for ahead is given once, and only while the page begins', () => {
  const answer = Promise.resolve(new Response())
  expect([isAhead(), takeAhead('/api/v1/me')]).toEqual([false, undefined])
  window.starlingAhead = { '/api/v1/me': answer, '/api/v1/conversations': answer }
  vi.spyOn(performance, 'now').mockReturnValue(9_000)
  expect(isAhead()).toBe(true)
  expect(takeAhead('/api/v1/me')).toBe(answer)
  expect(takeAhead('/api/v1/me')).toBeUndefined()
  vi.spyOn(performance, 'now').mockReturnValue(11_000)
  expect([isAhead(), takeAhead('/api/v1/conversations')]).toEqual([false, undefined])
})
