// A recording of the microphone: how long it is, how loud it is now, and its bytes at the end.

import { onScopeDispose, ref, shallowRef } from 'vue'
import { VOICE_SECONDS_MAX } from './facts'

/** Why there is no recording. `insecure`: browsers have no microphone on plain http. */
export type MicTrouble = 'insecure' | 'denied' | 'missing'

const KINDS = ['audio/webm;codecs=opus', 'audio/mp4;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus']
const BITS_PER_SECOND = 32_000
const METER_MS = 80
/** What runs, and what it has given until now. */
interface Recording {
  recorder: MediaRecorder
  pieces: Blob[]
  ended: Promise<unknown>
  /** By `performance.now()`. */
  begun: number
}

/** Headless and forgetful browsers never answer the question for permission. */
const ASK_MS_MAX = 30_000

export function micTrouble(): MicTrouble | null {
  return !navigator.mediaDevices || typeof MediaRecorder === 'undefined' ? 'insecure' : null
}

export function useRecorder(full: () => void) {
  const state = ref<'idle' | 'asking' | 'recording'>('idle')
  const seconds = ref(0)
  /** 0 to 1. */
  const level = ref(0)
  const trouble = shallowRef<MicTrouble | null>(null)
  let recording: Recording | null = null
  let context: AudioContext | null = null
  let stream: MediaStream | null = null
  let meter: ReturnType<typeof setInterval> | undefined
  /** Grows with each recording: an answer to an older question is not this one's. */
  let turn = 0

  async function start(): Promise<boolean> {
    if (state.value !== 'idle') return false
    trouble.value = micTrouble()
    if (trouble.value) return false
    const mine = ++turn
    state.value = 'asking'
    const given = await ask()
    if (mine !== turn || !given) {
      given?.getTracks().forEach((track) => track.stop())
      if (mine === turn) state.value = 'idle'
      return false
    }
    stream = given
    recording = record(given)
    state.value = 'recording'
    watchLevel(given)
    return true
  }

  function record(source: MediaStream): Recording {
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind))
    const recorder = new MediaRecorder(source, { ...(mimeType && { mimeType }), audioBitsPerSecond: BITS_PER_SECOND })
    const pieces: Blob[] = []
    recorder.ondataavailable = ({ data }) => pieces.push(data)
    const ended = new Promise((resolve) => (recorder.onstop = resolve))
    recorder.start()
    return { recorder, pieces, ended, begun: performance.now() }
  }

  async function ask(): Promise<MediaStream | null> {
    const never = new Promise<never>((_, reject) => setTimeout(() => reject(new DOMException('', 'NotAllowedError')), ASK_MS_MAX))
    const asked = navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } })
    try {
      return await Promise.race([asked, never])
    } catch (error) {
      void asked.then((late) => late.getTracks().forEach((track) => track.stop())).catch(() => undefined)
      trouble.value = error instanceof DOMException && error.name === 'NotFoundError' ? 'missing' : 'denied'
      return null
    }
  }

  function watchLevel(source: MediaStream): void {
    context = new AudioContext()
    const analyser = context.createAnalyser()
    analyser.fftSize = 512
    context.createMediaStreamSource(source).connect(analyser)
    const samples = new Uint8Array(analyser.fftSize)
    meter = setInterval(() => {
      if (recording?.recorder.state !== 'recording') return
      seconds.value = lasted()
      analyser.getByteTimeDomainData(samples)
      level.value = samples.reduce((most, one) => Math.max(most, Math.abs(one - 128)), 0) / 128
      if (seconds.value >= VOICE_SECONDS_MAX) full()
    }, METER_MS)
  }

  /** Seconds since it began, now: `seconds` is as old as the meter. */
  function lasted(): number {
    return recording ? (performance.now() - recording.begun) / 1_000 : 0
  }

  /** Ends it and gives what was recorded; null if nothing was, or if it is given already. */
  async function stop(): Promise<Blob | null> {
    if (!recording) {
      cancel()
      return null
    }
    const { recorder, pieces, ended } = recording
    // It ends by itself when the microphone is pulled out.
    if (recorder.state !== 'inactive') recorder.stop()
    release()
    await ended
    return new Blob(pieces, { type: recorder.mimeType.split(';')[0] ?? '' })
  }

  function cancel(): void {
    turn += 1
    if (recording && recording.recorder.state !== 'inactive') recording.recorder.stop()
    release()
  }

  function release(): void {
    clearInterval(meter)
    stream?.getTracks().forEach((track) => track.stop())
    void context?.close()
    recording = null
    stream = null
    context = null
    seconds.value = 0
    level.value = 0
    state.value = 'idle'
  }

  onScopeDispose(cancel)
  return { state, seconds, level, trouble, start, lasted, stop, cancel }
}
