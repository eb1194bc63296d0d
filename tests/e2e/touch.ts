// What a finger reaches: every control is asked where it takes a tap, not how large it is drawn.

import type { Page } from '@playwright/test'

const FINGER = 44
const INLINE = 24
/** A list may go on for ever. */
const STEPS_MAX = 12
const REST_MS = 350

/** Controls that take taps on less than a finger's breadth, while everything that scrolls is scrolled through. */
export function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(
    async ({ finger, inline, steps, rest }) => {
      const CONTROLS = 'a[href], button, input, textarea, select, summary, [role=menuitem], [role=tab], [role=switch], [role=radio], [role=slider]'
      const found = new Map<string, string>()

      /** The part of the window in which it can be seen. */
      const viewOf = (part: Element): { left: number; top: number; right: number; bottom: number } => {
        const view = { left: 0, top: 0, right: innerWidth, bottom: innerHeight }
        for (let box = part.parentElement; box; box = box.parentElement) {
          if (getComputedStyle(box).overflowY === 'visible') continue
          const { left, top, right, bottom } = box.getBoundingClientRect()
          Object.assign(view, {
            left: Math.max(view.left, left),
            top: Math.max(view.top, top),
            right: Math.min(view.right, right),
            bottom: Math.min(view.bottom, bottom),
          })
        }
        return view
      }

      const scrollerOf = (part: Element | null): Element | null =>
        part === null || ['auto', 'scroll'].includes(getComputedStyle(part).overflowY) ? part : scrollerOf(part.parentElement)
      /** A heading that stays while its list goes on below it, or a button over the whole list. */
      const floats = (hit: Element | null, part: Element): boolean => {
        if (hit === null) return false
        if (scrollerOf(part)?.contains(hit) === false) return true
        return getComputedStyle(hit).position === 'sticky' || floats(hit.parentElement, part)
      }

      const look = (part: HTMLElement): void => {
        if (!part.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || part.closest('[inert], [aria-hidden=true]')) return
        // What is ticked is touched by its label; what is written in is not.
        const label = part instanceof HTMLInputElement && ['checkbox', 'radio'].includes(part.type) ? part.labels?.[0] : undefined
        const takes = (x: number, y: number) => {
          const hit = document.elementFromPoint(x, y)
          return part.contains(hit) || label?.contains(hit) === true
        }
        // A word within a text is as high as its line.
        const inText = getComputedStyle(part).display === 'inline'
        const box = (inText ? part.getClientRects()[0] : label && label.getBoundingClientRect().width > 1 ? label.getBoundingClientRect() : part.getBoundingClientRect()) ?? new DOMRect()
        // What is only there for screen readers.
        if (box.width <= 1 || box.height <= 1) return
        const x = box.left + box.width / 2
        const y = box.top + box.height / 2
        const view = viewOf(part)
        if (x < view.left || x >= view.right || y < view.top || y >= view.bottom) return
        // What an open panel lies on is not to be touched.
        if (!takes(x, y)) return
        const down = (inText ? inline : finger) / 2 - 1
        const across = inText ? Math.min(box.width, inline) / 2 - 1 : down
        const points: [number, number][] = [[-across, 0], [across, 0], [0, -down], [0, down]]
        const missed = points
          .map(([dx, dy]) => [x + dx, y + dy] as const)
          // What lies beyond the edge is seen when it is scrolled there.
          .filter(([px, py]) => px >= view.left && px < view.right && py >= view.top && py < view.bottom)
          .filter(([px, py]) => !takes(px, py) && !floats(document.elementFromPoint(px, py), part))
        if (missed.length === 0) return
        const what = part.outerHTML.replace(/ class="[^"]*"/g, '').slice(0, 140)
        const other = missed.map(([px, py]) => `${Math.round(px - x)},${Math.round(py - y)}: ${document.elementFromPoint(px, py)?.tagName ?? '–'}`)
        found.set(what, `${Math.round(box.width)}×${Math.round(box.height)} ${what} (${other.join('; ')})`)
      }

      // A list takes no taps while it moves.
      const still = () => new Promise((resolve) => setTimeout(resolve, rest))
      const lookAtAll = () => document.querySelectorAll<HTMLElement>(CONTROLS).forEach(look)
      lookAtAll()
      const scrollers = [...document.querySelectorAll('*')].filter(
        (box) => ['auto', 'scroll'].includes(getComputedStyle(box).overflowY) && box.scrollHeight > box.clientHeight + 1 && !box.closest('[aria-hidden=true]'),
      )
      for (const box of scrollers) {
        const before = box.scrollTop
        for (let step = 0; step < steps; step++) {
          box.scrollTop = step === 0 ? 0 : box.scrollTop + box.clientHeight / 2
          await still()
          lookAtAll()
          if (box.scrollTop + box.clientHeight >= box.scrollHeight - 1) break
        }
        box.scrollTop = before
      }
      return [...found.values()]
    },
    { finger: FINGER, inline: INLINE, steps: STEPS_MAX, rest: REST_MS },
  )
}
