// The ways to a message's menu that start on its row: right click, long press, Shift+F10; and moving between rows by
// arrow keys. Listens on the list, for all rows at once.

import { useEventListener } from '@vueuse/core'
import type { Ref } from 'vue'
import type { Anchor } from './chat'

const PRESS_MS = 500
/** A finger that moves further than this scrolls. */
const SLOP_PX = 10
const ROW = '[data-mid]'

export function useGestures(box: Readonly<Ref<HTMLElement | null>>, open: (row: HTMLElement, anchor: Anchor) => void): void {
  let clock: ReturnType<typeof setTimeout> | undefined
  let from = { x: 0, y: 0 }
  /** The menu was opened by a finger that still lies on the screen. */
  let pressed = false

  const rowOf = (target: EventTarget | null): HTMLElement | null => (target instanceof Element ? target.closest<HTMLElement>(ROW) : null)
  const stop = () => clearTimeout(clock)

  useEventListener(box, 'contextmenu', (event) => {
    const row = rowOf(event.target)
    // Links and selected text keep the browser's menu with a mouse.
    if (!row || (!pressed && keepsNative(event))) return
    event.preventDefault()
    stop()
    if (!pressed) open(row, { x: event.clientX, y: event.clientY })
  })
  useEventListener(box, 'pointerdown', (event) => {
    stop()
    pressed = false
    const row = rowOf(event.target)
    if (!row || event.pointerType === 'mouse') return
    from = { x: event.clientX, y: event.clientY }
    clock = setTimeout(() => {
      pressed = true
      navigator.vibrate?.(10)
      open(row, from)
    }, PRESS_MS)
  })
  useEventListener(box, 'pointermove', (event) => {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLOP_PX) stop()
  })
  useEventListener(box, ['pointerup', 'pointercancel', 'scroll'], stop)
  // The finger that opened the menu goes up over a link: that is no click on it.
  useEventListener(box, 'click', (event) => {
    if (!pressed) return
    pressed = false
    event.preventDefault()
    event.stopPropagation()
  }, { capture: true })
  useEventListener(box, 'keydown', (event) => {
    const row = rowOf(event.target)
    if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      if (!row) return
      event.preventDefault()
      open(row, row.querySelector('[data-bubble]') ?? row)
    } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      if (event.target !== box.value && event.target !== row) return
      const next = neighbour(row, event.key === 'ArrowUp' ? -1 : 1)
      if (!next) return
      event.preventDefault()
      next.focus({ preventScroll: true })
      next.scrollIntoView({ block: 'nearest' })
    }
  })

  function neighbour(row: HTMLElement | null, by: 1 | -1): HTMLElement | undefined {
    const rows = [...(box.value?.querySelectorAll<HTMLElement>(ROW) ?? [])]
    if (row) return rows[rows.indexOf(row) + by]
    const end = box.value?.getBoundingClientRect().bottom ?? 0
    return rows.findLast((one) => one.getBoundingClientRect().bottom <= end)
  }
}

function keepsNative(event: MouseEvent): boolean {
  const target = event.target as Element
  if (target.closest('a, input, textarea')) return true
  const selection = getSelection()
  return selection !== null && !selection.isCollapsed && selection.containsNode(target, true)
}
