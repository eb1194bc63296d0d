// The first message of a conversation that is not older than a time.

import { api } from '@/net/api'
import type { Conv, Entry } from '@/net/types'
import { isContent } from '@/features/chat/actions'

/** What stands between messages (who came, who took back what) is passed over, this many pages of it. */
const PAGES_MAX = 10

/** Null: there is none. */
export async function firstSince(conv: Conv, at: number): Promise<Entry | null> {
  let page = await api.entries(conv, { at })
  for (let pages = 1; ; pages++) {
    const found = page.entries.find((entry) => entry.at >= at && isContent(entry))
    const last = page.entries.at(-1)
    if (found || !page.more_after || !last || pages === PAGES_MAX) return found ?? null
    page = await api.entries(conv, { after: last.seq })
  }
}
