// Which entries are in the unread counts already: each counts once, whatever order they come in and however often.

import type { Conv, Seq } from '../net/types'

/** Beyond this many the oldest are taken as counted: what comes later than that is not told apart any more. */
const APART_MAX = 1_000

export class Counted {
  /** All up to here are. */
  through: Seq = 0
  /** The conversation it is unread in, if it is. */
  private readonly apart = new Map<Seq, Conv | null>()

  /** The server has counted everything up to here. */
  upTo(head: Seq): void {
    this.through = Math.max(this.through, head)
    for (const seq of this.apart.keys()) if (seq <= this.through) this.apart.delete(seq)
  }

  /** Whether it was not counted before. */
  add(seq: Seq, unreadIn: Conv | null): boolean {
    if (seq <= this.through || this.apart.has(seq)) return false
    this.apart.set(seq, unreadIn)
    if (this.apart.size > APART_MAX) this.upTo(Math.min(...this.apart.keys()))
    return true
  }

  /** How many of a conversation are unread above a place of the log. */
  above(place: Seq, conv: Conv): number {
    return [...this.apart].filter(([seq, unreadIn]) => seq > place && unreadIn === conv).length
  }

  clear(): void {
    this.through = 0
    this.apart.clear()
  }
}
