import { expect, test } from 'vitest'
import { backoff, WAIT_MS_MAX, WAIT_MS_MIN } from './backoff'

const chances = [0, 0.25, 0.5, 0.75, 0.999]

test('each wait is longer than the one before, whatever the dice say, until the cap', () => {
  for (let attempt = 1; attempt < 4; attempt++) {
    expect(backoff(attempt, 0)).toBeGreaterThanOrEqual(backoff(attempt - 1, 0.999))
  }
})

test('no wait is above the cap or below the minimum', () => {
  for (let attempt = 0; attempt < 100; attempt++) {
    for (const chance of chances) {
      expect(backoff(attempt, chance)).toBeLessThanOrEqual(WAIT_MS_MAX)
      expect(backoff(attempt, chance)).toBeGreaterThanOrEqual(WAIT_MS_MIN)
    }
  }
})

test('the clients of a restarted node come back over more than two seconds', () => {
  expect(backoff(0, 0.999) - backoff(0, 0)).toBeGreaterThan(2_000)
})
