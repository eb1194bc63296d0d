// @vitest-environment happy-dom
import { expect, test, vi } from 'vitest'
import { effectScope } from 'vue'
import { useMinuteClock } from './useMinuteClock'

test('the clock goes on when the part of the page that asked first is gone', () => {
  vi.useFakeTimers()
  const first = effectScope()
  const clock = first.run(useMinuteClock)
  const before = clock?.value ?? Infinity
  first.stop()
  vi.advanceTimersByTime(60_000)
  expect(clock?.value).toBeGreaterThanOrEqual(before + 60_000)
})
