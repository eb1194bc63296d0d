import { promises as fs } from 'node:fs'
import type { Plugin } from 'vite'
import { draw, png, shapesOf } from './raster.ts'
import type { Point, Shape } from './raster.ts'

/** Width of the mark's drawing. */
const DRAWN = 32
/** A mask may cut away all but a circle of 80 % of the width. */
const SAFE = 0.8

const ICONS = [
  { name: 'icon-192.png', size: 192, full: false },
  { name: 'icon-512.png', size: 512, full: false },
  { name: 'icon-maskable-512.png', size: 512, full: true },
  { name: 'apple-touch-icon.png', size: 180, full: true },
]

/** Makes the icons that browsers want as PNG out of the mark. */
export function icons(mark: string): Plugin {
  return {
    name: 'starling-icons',
    apply: 'build',
    async generateBundle() {
      const shapes = shapesOf(await fs.readFile(mark, 'utf8'))
      for (const { name, size, full } of ICONS) {
        const pixels = full ? filled(shapes, size) : draw(shapes, size, scaled(size / DRAWN, 0))
        this.emitFile({ type: 'asset', fileName: name, source: png(pixels, size) })
      }
    },
  }
}

const scaled =
  (factor: number, shift: number) =>
  ([x, y]: Point): Point => [x * factor + shift, y * factor + shift]

/** The first shape is the ground: to the edges, and the rest within what every mask leaves. */
function filled([ground, ...rest]: Shape[], size: number): Uint8Array {
  if (!ground) throw new Error('the mark has no ground')
  const factor = (size / DRAWN) * SAFE
  const inner = scaled(factor, (size * (1 - SAFE)) / 2)
  const edges: Point[] = [[0, 0], [size, 0], [size, size], [0, size]]
  const shapes = [{ ...ground, outline: edges }, ...rest.map((shape) => ({ ...shape, outline: shape.outline.map(inner) }))]
  return draw(shapes, size, (point) => point)
}
