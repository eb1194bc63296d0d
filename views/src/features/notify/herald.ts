// Several tabs hear of the same message; one of them tells. They agree over a BroadcastChannel, which unlike locks is
// there on plain HTTP too: every tab that would tell says so, waits for the others, and the lowest id does it, unless
// some tab has told already or the reader looks at one. Timers of hidden tabs may be late; `told` covers that.

interface Word {
  type: 'would' | 'told' | 'seen'
  key: string
  id: string
}

/** A message to another tab of this machine and back. */
const WAIT_MS = 150
const TOLD_MAX = 200

export interface Air {
  postMessage: (word: unknown) => void
  onmessage: ((event: MessageEvent<unknown>) => void) | null
}

export class Herald {
  private readonly open = new Map<string, { lowest: boolean; silent: boolean }>()
  private readonly told: string[] = []

  constructor(
    private readonly air: Air,
    private readonly id: string,
    /** Whether the reader looks at this tab. */
    private readonly looking: () => boolean,
  ) {
    air.onmessage = ({ data }) => this.hear(data as Word)
  }

  /** Whether this tab is the one to tell of `key`. */
  async mine(key: string): Promise<boolean> {
    if (this.told.includes(key)) return false
    const vote = { lowest: true, silent: false }
    this.open.set(key, vote)
    this.say('would', key)
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    this.open.delete(key)
    if (!vote.lowest || vote.silent) return false
    this.remember(key)
    this.say('told', key)
    return true
  }

  private hear({ type, key, id }: Word): void {
    const vote = this.open.get(key)
    switch (type) {
      case 'would':
        if (vote && id < this.id) vote.lowest = false
        if (this.told.includes(key)) this.say('told', key)
        else if (this.looking()) this.say('seen', key)
        break
      case 'told':
        this.remember(key)
        if (vote) vote.silent = true
        break
      case 'seen':
        if (vote) vote.silent = true
    }
  }

  private remember(key: string): void {
    this.told.push(key)
    if (this.told.length > TOLD_MAX) this.told.shift()
  }

  private say(type: Word['type'], key: string): void {
    this.air.postMessage({ type, key, id: this.id } satisfies Word)
  }
}
