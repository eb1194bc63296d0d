// A short double tone, made on the spot.

const TONES = [
  { hertz: 880, at: 0 },
  { hertz: 1174.7, at: 0.09 },
]
const SECONDS = 0.16
const LOUDNESS = 0.12
/** A burst of messages is one sound. */
const EVERY_MS = 1_500

let context: AudioContext | null = null
let last = -Infinity

export function chime(): void {
  const now = performance.now()
  if (now - last < EVERY_MS || !('AudioContext' in window)) return
  last = now
  context ??= new AudioContext()
  // Browsers let a page sound only after somebody has touched it.
  if (context.state === 'suspended') void context.resume()
  for (const { hertz, at } of TONES) tone(context, hertz, context.currentTime + at)
}

function tone(on: AudioContext, hertz: number, at: number): void {
  const source = on.createOscillator()
  const loudness = on.createGain()
  source.frequency.value = hertz
  loudness.gain.setValueAtTime(0, at)
  loudness.gain.linearRampToValueAtTime(LOUDNESS, at + 0.01)
  loudness.gain.exponentialRampToValueAtTime(0.001, at + SECONDS)
  source.connect(loudness).connect(on.destination)
  source.start(at)
  source.stop(at + SECONDS)
}
