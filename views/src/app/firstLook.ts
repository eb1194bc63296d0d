// What the reader came for is loaded first: menus, notifications, the service worker and the rest of the words wait until
// it is drawn.

/** A page that never says so, such as the log-in, is drawn by then. */
const LOOK_MS_MAX = 2_000
/** What did not come is asked for again after this, and ever more seldom. */
const AGAIN_MS = 2_000
const AGAIN_MS_MAX = 60_000

let drawn: () => void = () => undefined

/** Settles when the first look is over. */
export const firstLook = new Promise<void>((resolve) => {
  drawn = resolve
  setTimeout(resolve, LOOK_MS_MAX)
})

/** What waits for it. Until it comes the page does without: a node that went away takes no part of the page along. */
export async function later<T>(load: () => Promise<T>): Promise<T> {
  await firstLook
  for (let wait = AGAIN_MS; ; wait = Math.min(2 * wait, AGAIN_MS_MAX)) {
    try {
      return await load()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
}

/** What the reader came for is in the page, and drawn with the next frame. */
export function lookIsOver(): void {
  requestAnimationFrame(() => setTimeout(drawn))
}
