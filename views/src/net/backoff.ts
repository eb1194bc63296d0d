// How long to wait before the next try. Doubling spares a dead cluster; the wide first draw spreads the clients
// of a restarted one over more than two seconds.

/** The shortest wait: a node that restarts is back in about this time. */
export const WAIT_MS_MIN = 300
/** The upper end of the first wait. */
const FIRST_MS_MAX = 2_400
/** Nobody on a LAN waits longer than this. */
export const WAIT_MS_MAX = 30_000

/** The wait before try number `attempt` (from 0); `chance` in [0, 1) is drawn by the caller. */
export function backoff(attempt: number, chance: number): number {
  const high = Math.min(WAIT_MS_MAX, FIRST_MS_MAX * 2 ** Math.min(attempt, 16))
  const low = attempt === 0 ? WAIT_MS_MIN : high / 2
  return Math.round(low + (high - low) * chance)
}
