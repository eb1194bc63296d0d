import { expect, test, vi } from 'vitest'

test('what waits for the first look is tried again until it comes, and ever more seldom', async () => {
  vi.useFakeTimers()
  const { later } = await import('./firstLook')
  let away = true
  const load = vi.fn(() => (away ? Promise.reject(new Error('no node')) : Promise.resolve('menu')))
  const part = later(load)
  await vi.advanceTimersByTimeAsync(1_900)
  expect(load).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(load.mock.calls.length).toBeGreaterThan(8)
  expect(load.mock.calls.length).toBeLessThan(20)
  away = false
  await vi.advanceTimersByTimeAsync(60_000)
  await expect(part).resolves.toBe('menu')
})
