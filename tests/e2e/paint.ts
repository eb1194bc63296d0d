// Pictures, a clip and a voice for tests, drawn and computed: the repository holds no media.

import type { Page } from '@playwright/test'

export interface Landscape {
  width: number
  height: number
  hue: number
}

const SAMPLE_RATE = 16_000

/** Ridges one behind the other under a low sun, as JPEG. */
export async function paintLandscape(page: Page, size: Landscape): Promise<Buffer> {
  const base64 = await page.evaluate(({ width, height, hue }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const pen = canvas.getContext('2d')
    if (!pen) throw new Error('no canvas')
    const sky = pen.createLinearGradient(0, 0, 0, height)
    sky.addColorStop(0, `hsl(${hue} 55% 42%)`)
    sky.addColorStop(0.6, `hsl(${hue - 20} 65% 78%)`)
    sky.addColorStop(1, `hsl(${(hue + 330) % 360} 70% 86%)`)
    pen.fillStyle = sky
    pen.fillRect(0, 0, width, height)
    pen.fillStyle = 'rgb(255 246 214 / 0.92)'
    pen.beginPath()
    pen.arc(width * 0.68, height * 0.36, Math.min(width, height) * 0.07, 0, 7)
    pen.fill()
    for (let ridge = 0; ridge < 5; ridge++) {
      pen.fillStyle = `hsl(${hue} ${18 + ridge * 5}% ${62 - ridge * 12}%)`
      pen.beginPath()
      pen.moveTo(0, height)
      for (let x = 0; x <= width; x += 4) {
        const t = (x / width) * 6 + ridge * 2.1
        const rise = Math.sin(t) * 0.06 + Math.sin(t * 2.7 + ridge) * 0.03 + Math.sin(t * 9.1) * 0.008
        pen.lineTo(x, height * (0.48 + ridge * 0.1 - rise))
      }
      pen.lineTo(width, height)
      pen.fill()
    }
    return canvas.toDataURL('image/jpeg', 0.85).replace(/^.*,/, '')
  }, size)
  return Buffer.from(base64, 'base64')
}

/** A head and shoulders on a plain ground, as PNG. */
export async function paintAvatar(page: Page, hue: number, seed: number): Promise<Buffer> {
  const base64 = await page.evaluate(
    ({ hue, seed }) => {
      const side = 256
      const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side })
      const pen = canvas.getContext('2d')
      if (!pen) throw new Error('no canvas')
      const disc = (x: number, y: number, rx: number, ry: number, colour: string) => {
        pen.fillStyle = colour
        pen.beginPath()
        pen.ellipse(x, y, rx, ry, 0, 0, 7)
        pen.fill()
      }
      pen.fillStyle = `hsl(${hue} 45% 72%)`
      pen.fillRect(0, 0, side, side)
      const skin = `hsl(26 55% ${62 + (seed % 3) * 8}%)`
      const hair = `hsl(${(seed * 47) % 60} 30% ${16 + (seed % 4) * 7}%)`
      disc(128, 112, 66, 74, hair)
      disc(128, 262, 98, 74, `hsl(${(hue + 180) % 360} 40% 38%)`)
      disc(128, 190, 24, 34, skin)
      disc(128, 122, 50, 60, skin)
      pen.fillStyle = hair
      pen.beginPath()
      pen.ellipse(128, 92, 54, 34, 0, Math.PI, 0)
      pen.fill()
      return canvas.toDataURL('image/png').replace(/^.*,/, '')
    },
    { hue, seed },
  )
  return Buffer.from(base64, 'base64')
}

/** Two seconds of film, and its first picture. */
export async function recordClip(page: Page): Promise<{ bytes: Buffer; poster: Buffer }> {
  const made = await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 })
    const pen = canvas.getContext('2d')
    if (!pen) throw new Error('no canvas')
    const draw = (step: number) => {
      const sky = pen.createLinearGradient(0, 0, 0, 360)
      sky.addColorStop(0, '#274b6d')
      sky.addColorStop(1, '#d9b38c')
      pen.fillStyle = sky
      pen.fillRect(0, 0, 640, 360)
      pen.fillStyle = '#1d2f3f'
      pen.beginPath()
      pen.moveTo(0, 360)
      for (let x = 0; x <= 640; x += 8) pen.lineTo(x, 240 - 60 * Math.sin((x + step * 6) / 90))
      pen.lineTo(640, 360)
      pen.fill()
    }
    draw(0)
    const poster = canvas.toDataURL('image/jpeg', 0.85).replace(/^.*,/, '')
    const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: 'video/webm' })
    const parts: Blob[] = []
    recorder.ondataavailable = ({ data }) => parts.push(data)
    const stopped = new Promise((resolve) => (recorder.onstop = resolve))
    recorder.start()
    for (let step = 0; step < 30; step++) {
      draw(step)
      await new Promise((resolve) => setTimeout(resolve, 66))
    }
    recorder.stop()
    await stopped
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
    return { poster, film: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) }
  })
  return { bytes: Buffer.from(made.film, 'base64'), poster: Buffer.from(made.poster, 'base64') }
}

/** A tone that rises and falls like speech, as WAV. */
export function spokenWav(seconds: number): Buffer {
  const count = seconds * SAMPLE_RATE
  const bytes = Buffer.alloc(44 + count * 2)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(36 + count * 2, 4)
  bytes.write('WAVEfmt ', 8)
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(SAMPLE_RATE, 24)
  bytes.writeUInt32LE(SAMPLE_RATE * 2, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36)
  bytes.writeUInt32LE(count * 2, 40)
  for (let n = 0; n < count; n++) {
    const t = n / SAMPLE_RATE
    const loudness = Math.abs(Math.sin(t * 4) * Math.cos(t * 1.3))
    bytes.writeInt16LE(Math.round(9_000 * loudness * Math.sin(2 * Math.PI * (180 + 40 * Math.sin(t * 3)) * t)), 44 + n * 2)
  }
  return bytes
}
