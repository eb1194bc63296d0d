// What survives a reload: unconfirmed messages and the position in the log. One database per user, so the next
// user of this browser cannot read them; logging out deletes it, a revoked session keeps it.

import { deleteDB, openDB } from 'idb'
import type { DBSchema, IDBPDatabase } from 'idb'
import type { Epoch } from '../net/connection'
import type { UserId } from '../net/types'
import type { Pending } from '../stores/outbox'

export interface Place {
  position: number
  epoch: Epoch
}

interface Schema extends DBSchema {
  outbox: { key: string; value: Pending }
  place: { key: 'log'; value: Place }
}

const VERSION = 3

function nameOf(user: UserId): string {
  return `starling-${user}`
}

export class Shelf {
  private constructor(
    private readonly user: UserId,
    private readonly base: IDBPDatabase<Schema>,
  ) {}

  /** `null` where the browser forbids storage (some private modes): the client then works without memory. */
  static async open(user: UserId): Promise<Shelf | null> {
    try {
      const base = await openDB<Schema>(nameOf(user), VERSION, {
        upgrade(base) {
          // A newer page keeps what an older one left unsent.
          const has = (name: 'outbox' | 'place') => base.objectStoreNames.contains(name)
          if (!has('outbox')) base.createObjectStore('outbox', { keyPath: 'cid' })
          if (!has('place')) base.createObjectStore('place')
        },
        // Another tab logs out and deletes: let it.
        blocking(_current, _blocked, event) {
          ;(event.target as IDBDatabase).close()
        },
      })
      return new Shelf(user, base)
    } catch {
      return null
    }
  }

  /** In the order they were written. */
  async outbox(): Promise<Pending[]> {
    const items = await this.base.getAll('outbox')
    return items.sort((a, b) => a.createdAt - b.createdAt)
  }

  async keep(item: Pending): Promise<void> {
    await this.base.put('outbox', item)
  }

  async drop(cid: string): Promise<void> {
    await this.base.delete('outbox', cid)
  }

  async place(): Promise<Place | null> {
    return (await this.base.get('place', 'log')) ?? null
  }

  async setPlace(place: Place): Promise<void> {
    await this.base.put('place', place, 'log')
  }

  close(): void {
    this.base.close()
  }

  async erase(): Promise<void> {
    this.base.close()
    await deleteDB(nameOf(this.user))
  }
}
