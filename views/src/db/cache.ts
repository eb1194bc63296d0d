// Answers of the server, kept to be shown while it cannot be reached: bounded, never the truth, and gone with the
// session. A database of its own, so that clearing it touches no unsent message.

import { deleteDB, openDB } from 'idb'
import type { DBSchema, IDBPDatabase } from 'idb'
import type { UserId } from '../net/types'

interface Kept {
  /** JSON, which has a size that can be told. */
  text: string
  at: number
}

interface Schema extends DBSchema {
  answers: { key: string; value: Kept; indexes: { at: number } }
}

/** Most answers; the longest unused go first. */
const ANSWERS_MAX = 300
/** Longer ones are not worth their place. */
const TEXT_MAX = 512 * 1024
/** How many writes pass between two looks at the bound. */
const PRUNE_EVERY = 20

function nameOf(user: UserId): string {
  return `starling-cache-${user}`
}

export class Cache {
  private writes = 0

  private constructor(
    private readonly user: UserId,
    private base: IDBPDatabase<Schema> | null,
  ) {}

  /** Works without memory where the browser forbids storage. */
  static async open(user: UserId): Promise<Cache> {
    try {
      const base = await openDB<Schema>(nameOf(user), 1, {
        upgrade(base) {
          base.createObjectStore('answers').createIndex('at', 'at')
        },
        // Another tab logs out and deletes: let it.
        blocking(_current, _blocked, event) {
          ;(event.target as IDBDatabase).close()
        },
      })
      return new Cache(user, base)
    } catch {
      return new Cache(user, null)
    }
  }

  async get(key: string): Promise<unknown> {
    const found = await this.base?.get('answers', key).catch(() => undefined)
    return found ? (JSON.parse(found.text) as unknown) : undefined
  }

  async put(key: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value)
    if (text.length > TEXT_MAX) return
    // What cannot be kept (disk full, database deleted by another tab) is only missed later.
    await this.base?.put('answers', { text, at: Date.now() }, key).catch(() => undefined)
    this.writes += 1
    if (this.writes % PRUNE_EVERY === 0) await this.prune().catch(() => undefined)
  }

  private async prune(): Promise<void> {
    if (!this.base) return
    const tx = this.base.transaction('answers', 'readwrite')
    let over = (await tx.store.count()) - ANSWERS_MAX
    for (let oldest = await tx.store.index('at').openCursor(); oldest && over > 0; over--) {
      await oldest.delete()
      oldest = await oldest.continue()
    }
    await tx.done
  }

  /** About how many bytes are kept. */
  async size(): Promise<number> {
    const all = (await this.base?.getAll('answers').catch(() => [])) ?? []
    return all.reduce((sum, { text }) => sum + text.length * 2, 0)
  }

  async clear(): Promise<void> {
    await this.base?.clear('answers').catch(() => undefined)
  }

  close(): void {
    this.base?.close()
    this.base = null
  }

  async erase(): Promise<void> {
    this.close()
    await deleteDB(nameOf(this.user)).catch(() => undefined)
  }
}
