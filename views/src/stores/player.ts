// Voice messages: one at a time, and after it the next one that was not heard.

import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { VOICE } from '../net/media'
import type { Entry } from '../net/types'
import { useMessages } from './messages'
import { useSession } from './session'
import { useUploads } from './uploads'

export const RATES = [1, 1.5, 2] as const
/** Heard messages that are remembered in this browser; older ones count as heard. */
const HEARD_MAX = 500
/** What was sent longer before this browser was first used by the user counts as heard. */
const BEFORE_MS = 24 * 3_600_000

interface Heard {
  since: number
  seqs: number[]
}

export const usePlayer = defineStore('player', () => {
  const current = shallowRef<Entry | null>(null)
  const playing = ref(false)
  /** Seconds played of the current one. */
  const position = ref(0)
  const rate = ref<number>(RATES[0])
  const failed = ref(false)
  let audio: HTMLAudioElement | null = null
  let ticking = 0

  const me = computed(() => useSession().me?.id ?? 0)
  const heard = useLocalStorage<Heard>(() => `starling.heard.${me.value}`, () => ({ since: Date.now() - BEFORE_MS, seqs: [] }))

  function isHeard(entry: Entry): boolean {
    if (entry.from === me.value || entry.seq === 0) return true
    const { since, seqs } = heard.value
    const oldest = seqs.length >= HEARD_MAX ? Math.min(...seqs) : 0
    return entry.at < since || entry.seq < oldest || seqs.includes(entry.seq)
  }

  function hear(entry: Entry): void {
    if (isHeard(entry)) return
    heard.value = { since: heard.value.since, seqs: [...heard.value.seqs, entry.seq].slice(-HEARD_MAX) }
  }

  function is(entry: Entry): boolean {
    const now = current.value
    if (!now) return false
    return entry.cid ? now.cid === entry.cid : now.seq === entry.seq
  }

  /** Plays from `part` (0 to 1) of it on; without: goes on where it was paused. */
  async function play(entry: Entry, part?: number): Promise<void> {
    audio ??= make()
    if (!is(entry)) {
      audio.pause()
      current.value = entry
      position.value = 0
      failed.value = false
      audio.src = useUploads().local.get(entry.cid ?? '')?.url ?? entry.url ?? ''
    }
    if (part !== undefined) audio.currentTime = part * (entry.amount ?? 0)
    audio.playbackRate = rate.value
    hear(entry)
    await audio.play().catch((error: unknown) => {
      // A newer wish interrupts an older one; that is no failure.
      failed.value = !(error instanceof DOMException && error.name === 'AbortError')
    })
  }

  function pause(): void {
    audio?.pause()
  }

  /** The next speed. */
  function faster(): void {
    const next = RATES[(RATES.findIndex((one) => one === rate.value) + 1) % RATES.length]
    rate.value = next ?? RATES[0]
    if (audio) audio.playbackRate = rate.value
  }

  function make(): HTMLAudioElement {
    const made = new Audio()
    made.preload = 'auto'
    made.onplay = () => {
      playing.value = true
      tick()
    }
    made.onpause = () => {
      playing.value = false
      cancelAnimationFrame(ticking)
    }
    made.onended = () => {
      position.value = 0
      const next = current.value && following(current.value)
      current.value = null
      if (next) void play(next)
    }
    return made
  }

  function tick(): void {
    position.value = audio?.currentTime ?? 0
    ticking = requestAnimationFrame(tick)
  }

  function following(entry: Entry): Entry | null {
    const later = useMessages()
      .listOf(entry.conv)
      .find((one) => one.seq !== null && one.seq > entry.seq && isWaiting(one.entry))
    return later?.entry ?? null
  }

  function isWaiting(entry: Entry): boolean {
    return entry.media === VOICE && !entry.recalled && !isHeard(entry)
  }

  watch(me, () => {
    audio?.pause()
    audio?.removeAttribute('src')
    current.value = null
  })

  return { current, playing, position, rate, failed, is, isHeard, play, pause, faster }
})
