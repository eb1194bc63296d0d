// Which entries are in the unread counts already: each counts once, whatever order they come in and however often.

import type { Seq } from '../net/types'

/** Beyond this many the oldest are taken as counted: what comes later than that is not told apart any more. */
const APART_MAX = 1_000

export class Counted {
  private through: Seq = 0
  private readonly apart = new Set<Seq>()

  /** The server has counted everything up to here. */
  upTo(head: Seq): void {
    this.through = Math.max(this.through, head)
    for (const seq of this.apart) if (seq <= this.through) this.apart.delete(seq)
  }

  /** Whether it was not counted before. */
  add(seq: Seq): boolean {
    if (seq <= this.through || this.apart.has(seq)) return false
    this.apart.add(seq)
    if (this.apart.size > APART_MAX) this.upTo(Math.min(...this.apart))
    return true
  }

  clear(): void {
    this.through = 0
    this.apart.clear()
  }
}
