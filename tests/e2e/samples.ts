// Pictures, films and files for flows, made on the spot.

import type { Page } from '@playwright/test'

export interface Sample {
  name: string
  mimeType: string
  buffer: Buffer
}

async function fromPage(page: Page, name: string, make: Promise<{ type: string; base64: string }>): Promise<Sample> {
  const { type, base64 } = await make
  return { name, mimeType: type, buffer: Buffer.from(base64, 'base64') }
}

/** A picture of two colours: the left half red, the right half blue. `noise`: so much that it does not get small. */
export function picture(page: Page, name: string, width: number, height: number, type = 'image/png', noise = false): Promise<Sample> {
  const made = page.evaluate(
    async ([width, height, type, noise]) => {
      const canvas = document.createElement('canvas')
      canvas.width = width
      canvas.height = height
      const pen = canvas.getContext('2d')
      if (!pen) throw new Error('no canvas')
      pen.fillStyle = '#c03020'
      pen.fillRect(0, 0, width / 2, height)
      pen.fillStyle = '#2050c0'
      pen.fillRect(width / 2, 0, width / 2, height)
      if (noise) {
        const pixels = pen.getImageData(0, 0, width, height)
        for (let n = 0; n < pixels.data.length; n++) if (n % 4 !== 3) pixels.data[n] = Math.random() * 256
        pen.putImageData(pixels, 0, 0)
      }
      const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, type, 0.92))
      const bytes = new Uint8Array((await blob?.arrayBuffer()) ?? [])
      let text = ''
      for (const byte of bytes) text += String.fromCharCode(byte)
      return { type, base64: btoa(text) }
    },
    [width, height, type, noise] as const,
  )
  return fromPage(page, name, made)
}

/** A photograph as a phone writes it: lying on its side, and with the place where it was taken. */
export async function photograph(page: Page, name: string, width: number, height: number): Promise<Sample> {
  const plain = await picture(page, name, width, height, 'image/jpeg')
  // Orientation 6: to be turned by 90° clockwise. GPS latitude reference N.
  const tiff = Buffer.concat([
    Buffer.from('II*\0', 'latin1'), u32(8),
    u16(2), entry(0x0112, 3, 1, u16(6), u16(0)), entry(0x8825, 4, 1, u32(38)), u32(0),
    u16(1), entry(0x0001, 2, 2, Buffer.from('N\0\0\0', 'latin1')), u32(0),
  ])
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff])
  const size = Buffer.alloc(2)
  size.writeUInt16BE(body.length + 2)
  const exif = Buffer.concat([Buffer.from([0xff, 0xe1]), size, body])
  return { ...plain, buffer: Buffer.concat([plain.buffer.subarray(0, 2), exif, plain.buffer.subarray(2)]) }
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function entry(tag: number, type: number, count: number, ...value: Buffer[]): Buffer {
  return Buffer.concat([u16(tag), u16(type), u32(count), ...value])
}

/** A film of a moving square, as the browser records it. */
export function film(page: Page, name: string, seconds: number): Promise<Sample> {
  const made = page.evaluate(async (seconds) => {
    const canvas = document.createElement('canvas')
    canvas.width = 320
    canvas.height = 240
    const pen = canvas.getContext('2d')
    if (!pen) throw new Error('no canvas')
    const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: 'video/webm;codecs=vp8' })
    const pieces: Blob[] = []
    recorder.ondataavailable = ({ data }) => pieces.push(data)
    const ended = new Promise((resolve) => (recorder.onstop = resolve))
    recorder.start()
    const begun = performance.now()
    await new Promise<void>((resolve) => {
      const draw = () => {
        const now = (performance.now() - begun) / 1000
        pen.fillStyle = '#205080'
        pen.fillRect(0, 0, 320, 240)
        pen.fillStyle = '#f0c040'
        pen.fillRect(40 + 60 * now, 90, 60, 60)
        if (now < seconds) requestAnimationFrame(draw)
        else resolve()
      }
      draw()
    })
    recorder.stop()
    await ended
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer())
    let text = ''
    for (const byte of bytes) text += String.fromCharCode(byte)
    return { type: 'video/webm', base64: btoa(text) }
  }, seconds)
  return fromPage(page, name, made)
}
