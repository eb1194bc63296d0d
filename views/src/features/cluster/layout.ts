// Where the nodes stand on the map: on an ellipse, in the order of their names, the first at the top. Pure.

export interface Place {
  x: number
  y: number
}

export const WIDTH = 640
export const HEIGHT = 320
export const RADIUS = 30
/** Name and state below a node. */
const CAPTION = 40
const ACROSS = 230
/** Between the highest and the lowest: all but the rims, the caption of the lowest and a little air. */
const ROOM = HEIGHT - 2 * RADIUS - CAPTION - 36

export function ring(count: number): Place[] {
  // Two stand side by side.
  const first = count === 2 ? Math.PI : -Math.PI / 2
  const points = Array.from({ length: count }, (_, n) => first + (2 * Math.PI * n) / count)
  const heights = points.map(Math.sin)
  const reach = Math.max(...heights) - Math.min(...heights)
  const [across, down] = count === 1 ? [0, 0] : [ACROSS, reach > 0.01 ? ROOM / reach : 0]
  const places = points.map((angle) => ({ x: WIDTH / 2 + across * Math.cos(angle), y: down * Math.sin(angle) }))
  // An odd number reaches higher than it hangs low: the whole is centred, captions included.
  const ys = places.map(({ y }) => y)
  const middle = (Math.min(...ys) + Math.max(...ys) + CAPTION) / 2
  return places.map(({ x, y }) => ({ x, y: HEIGHT / 2 + y - middle }))
}

/** A line between the rims of two nodes. */
export function between(a: Place, b: Place): { x1: number; y1: number; x2: number; y2: number } {
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1
  const [dx, dy] = [((b.x - a.x) / length) * (RADIUS + 6), ((b.y - a.y) / length) * (RADIUS + 6)]
  return { x1: a.x + dx, y1: a.y + dy, x2: b.x - dx, y2: b.y - dy }
}

/** Strokes grow with the logarithm: 2 datagrams a second and 2,000 must both be told apart from none. */
export function thickness(perSecond: number): number {
  return Math.min(10, 1 + 1.6 * Math.log10(1 + perSecond))
}
