// A right-click, the menu key, or a long press: three ways to ask for the menu of one thing.

import { onLongPress } from '@vueuse/core'
import type { Ref } from 'vue'

export interface Point {
  x: number
  y: number
}

const HOLD_MS = 500
/** A finger is never still. */
const DRIFT_PX = 10

/** Calls `ask` with the place; spread the listener on the element: `@contextmenu="menu"`. */
export function useHold(target: Ref<HTMLElement | null>, ask: (at: Point) => void) {
  let held = false

  onLongPress(
    target,
    (event) => {
      if (event.pointerType !== 'touch') return
      held = true
      ask({ x: event.clientX, y: event.clientY })
    },
    { delay: HOLD_MS, distanceThreshold: DRIFT_PX },
  )

  /** The browser tells of a right-click, of the menu key and, on some devices, of a long press as well. */
  function menu(event: MouseEvent): void {
    event.preventDefault()
    if (held) return
    const byKey = event.clientX === 0 && event.clientY === 0
    const box = target.value?.getBoundingClientRect()
    ask(byKey && box ? { x: box.left + 24, y: box.top + box.height / 2 } : { x: event.clientX, y: event.clientY })
  }

  /** The click that ends a long press is not a click. */
  function click(event: MouseEvent): void {
    if (!held) return
    held = false
    event.preventDefault()
    event.stopPropagation()
  }

  return { menu, click }
}
