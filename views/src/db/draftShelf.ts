// Drafts on this device. In `localStorage`, which has written a key press before the page can go away; one key for each
// conversation, so that two tabs do not overwrite each other's.

import type { Conv, UserId } from '../net/types'
import type { Written } from '../stores/drafts'

export class DraftShelf {
  private readonly prefix: string

  constructor(user: UserId) {
    this.prefix = `starling.draft.${user}.`
  }

  all(): [Conv, Written][] {
    return this.keys().flatMap((key): [Conv, Written][] => {
      const written = parse(localStorage.getItem(key))
      return written ? [[key.slice(this.prefix.length), written]] : []
    })
  }

  keep(conv: Conv, written: Written): void {
    try {
      localStorage.setItem(this.prefix + conv, JSON.stringify(written))
    } catch {
      // Full or forbidden: the draft lives as long as the page.
    }
  }

  drop(conv: Conv): void {
    localStorage.removeItem(this.prefix + conv)
  }

  erase(): void {
    for (const key of this.keys()) localStorage.removeItem(key)
  }

  private keys(): string[] {
    return Array.from({ length: localStorage.length }, (_, n) => localStorage.key(n) ?? '').filter((key) => key.startsWith(this.prefix))
  }
}

function parse(json: string | null): Written | null {
  try {
    const { text, caret, synced } = JSON.parse(json ?? '{}') as Partial<Written>
    return typeof text === 'string' && typeof caret === 'number' ? { text, caret, synced: synced === true } : null
  } catch {
    return null
  }
}
