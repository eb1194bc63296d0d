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

export function ring(count: number): Place[] {
  const [across, down] = count === 1 ? [0, 0] : [220, 104]
  const places = Array.from({ length: count }, (_, n) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * n) / count
    return { x: WIDTH / 2 + across * Math.cos(angle), y: down * Math.sin(angle) }
  })
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
