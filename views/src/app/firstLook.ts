// What the reader came for is loaded first: menus, notifications, the service worker and the rest of the words wait until
// it is drawn.

/** A page that never says so, such as the log-in, is drawn by then. */
const LOOK_MS_MAX = 2_000

let drawn: () => void = () => undefined

/** Settles when the first look is over. */
export const firstLook = new Promise<void>((resolve) => {
  drawn = resolve
  setTimeout(resolve, LOOK_MS_MAX)
})

/** What the reader came for is in the page, and drawn with the next frame. */
export function lookIsOver(): void {
  requestAnimationFrame(() => setTimeout(drawn))
}
