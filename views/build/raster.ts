// Draws the few SVG shapes that our mark is made of, and writes PNG. Enough for icons, so that no binary file without
// a source lies in the repository and no image library is needed to build.

import { crc32, deflateSync } from 'node:zlib'

export type Point = readonly [x: number, y: number]
export interface Shape {
  /** Closed. */
  outline: readonly Point[]
  colour: readonly [number, number, number]
}

/** Straight pieces for one curve; smoother than a pixel at 512. */
const PIECES = 24
/** Scan lines in one row of pixels; across, coverage is exact. */
const LINES = 4

function attribute(tag: string, name: string): string {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
}

/** The shapes of an SVG text: `rect` with `rx`, `circle`, `path` with absolute M and relative c, l, z. */
export function shapesOf(svg: string): Shape[] {
  return [...svg.matchAll(/<(rect|circle|path)\b[^>]*>/g)].map(([tag, kind]) => {
    const number = (name: string) => Number(attribute(tag, name) || 0)
    const outline =
      kind === 'path'
        ? path(attribute(tag, 'd'))
        : kind === 'circle'
          ? arc(number('cx'), number('cy'), number('r'), 0, 2)
          : rounded(number('x'), number('y'), number('width'), number('height'), number('rx'))
    return { outline, colour: colour(attribute(tag, 'fill')) }
  })
}

function colour(hex: string): [number, number, number] {
  const full = hex.length === 4 ? hex.replace(/[^#]/g, '$&$&') : hex
  if (!/^#[\da-f]{6}$/i.test(full)) throw new Error(`not a colour: ${hex}`)
  return [1, 3, 5].map((at) => parseInt(full.slice(at, at + 2), 16)) as [number, number, number]
}

/** Angles in half turns. */
function arc(cx: number, cy: number, r: number, from: number, to: number): Point[] {
  return Array.from({ length: PIECES + 1 }, (_, n) => {
    const angle = Math.PI * (from + ((to - from) * n) / PIECES)
    return [cx + r * Math.cos(angle), cy + r * Math.sin(angle)]
  })
}

function rounded(x: number, y: number, w: number, h: number, r: number): Point[] {
  return [
    ...arc(x + w - r, y + r, r, -0.5, 0),
    ...arc(x + w - r, y + h - r, r, 0, 0.5),
    ...arc(x + r, y + h - r, r, 0.5, 1),
    ...arc(x + r, y + r, r, 1, 1.5),
  ]
}

function path(d: string): Point[] {
  const points: Point[] = []
  let [x, y] = [0, 0]
  for (const [, command, rest] of d.matchAll(/([a-zA-Z])([^a-zA-Z]*)/g)) {
    const n = [...(rest ?? '').matchAll(/-?(?:\d+\.?\d*|\.\d+)/g)].map(Number)
    const size = { M: 2, l: 2, c: 6, z: 0 }[command ?? '']
    if (size === undefined || (size > 0 && n.length % size !== 0)) throw new Error(`not drawn: ${command}${rest}`)
    for (let i = 0; i < n.length; i += size) {
      const [a = 0, b = 0, c = 0, e = 0, f = 0, g = 0] = n.slice(i, i + size)
      if (command === 'c') {
        for (let k = 1; k <= PIECES; k++) {
          const t = k / PIECES
          const s = 1 - t
          points.push([x + 3 * s * s * t * a + 3 * s * t * t * c + t ** 3 * f, y + 3 * s * s * t * b + 3 * s * t * t * e + t ** 3 * g])
        }
        ;[x, y] = [x + f, y + g]
      } else {
        ;[x, y] = command === 'M' ? [a, b] : [x + a, y + b]
        points.push([x, y])
      }
    }
  }
  return points
}

/** RGBA of the shapes, one over the other; `place` puts a point of the drawing into the picture. */
export function draw(shapes: readonly Shape[], size: number, place: (point: Point) => Point): Uint8Array {
  const pixels = new Float64Array(size * size * 4)
  for (const { outline, colour } of shapes) {
    const cover = coverage(outline.map(place), size)
    cover.forEach((part, at) => {
      if (part === 0) return
      const alpha = Math.min(1, part)
      const below = pixels[at * 4 + 3] ?? 0
      const out = alpha + below * (1 - alpha)
      for (let c = 0; c < 3; c++) {
        const under = pixels[at * 4 + c] ?? 0
        pixels[at * 4 + c] = ((colour[c] ?? 0) * alpha + under * below * (1 - alpha)) / out
      }
      pixels[at * 4 + 3] = out
    })
  }
  return Uint8Array.from(pixels, (value, at) => Math.round(at % 4 === 3 ? value * 255 : value))
}

/** Which part of each pixel the outline covers; non-zero winding. */
function coverage(outline: readonly Point[], size: number): Float64Array {
  const cover = new Float64Array(size * size)
  for (let line = 0; line < size * LINES; line++) {
    const y = (line + 0.5) / LINES
    const row = Math.floor(line / LINES) * size
    let winding = 0
    let from = 0
    for (const [x, turn] of crossings(outline, y)) {
      if (winding !== 0) span(cover, row, size, from, x)
      winding += turn
      from = x
    }
  }
  return cover
}

function crossings(outline: readonly Point[], y: number): [x: number, turn: number][] {
  const found: [number, number][] = []
  outline.forEach(([x1, y1], n) => {
    const [x2, y2] = outline[(n + 1) % outline.length] ?? [x1, y1]
    if (y1 <= y === y2 <= y) return
    found.push([x1 + ((y - y1) / (y2 - y1)) * (x2 - x1), y2 > y1 ? 1 : -1])
  })
  return found.sort((a, b) => a[0] - b[0])
}

function span(cover: Float64Array, row: number, size: number, from: number, to: number): void {
  const last = Math.min(size, to)
  for (let x = Math.max(0, Math.floor(from)); x < last; x++) {
    const part = Math.min(x + 1, to) - Math.max(x, from)
    if (part > 0) cover[row + x] = (cover[row + x] ?? 0) + part / LINES
  }
}

/** An 8-bit RGBA PNG. */
export function png(pixels: Uint8Array, size: number): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(size, 0)
  head.writeUInt32BE(size, 4)
  head.set([8, 6, 0, 0, 0], 8)
  const rows = Buffer.alloc(size * (size * 4 + 1))
  for (let y = 0; y < size; y++) rows.set(pixels.subarray(y * size * 4, (y + 1) * size * 4), y * (size * 4 + 1) + 1)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const frame = Buffer.alloc(8 + body.length)
  frame.writeUInt32BE(data.length, 0)
  frame.set(body, 4)
  frame.writeUInt32BE(crc32(body), 4 + body.length)
  return frame
}
