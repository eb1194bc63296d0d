// What begins on a message's row: its menu by right click, long press and Shift+F10; an answer by a swipe to the right;
// moving between rows by arrow keys. Listens on the list, for all rows at once.

import { useEventListener } from '@vueuse/core'
import type { Ref } from 'vue'
import type { Anchor } from './chat'

const PRESS_MS = 500
/** A finger that moves further than this scrolls. */
const SLOP_PX = 10
const ROW = '[data-mid]'
/** A swipe this long answers; the row follows no further. */
const SWIPE_PX = 64

interface Hands {
  open(row: HTMLElement, anchor: Anchor): void
  reply(row: HTMLElement): void
}

export function useGestures(box: Readonly<Ref<HTMLElement | null>>, { open, reply }: Hands): void {
  let clock: ReturnType<typeof setTimeout> | undefined
  let from = { x: 0, y: 0 }
  /** The menu was opened by a finger that still lies on the screen. */
  let pressed = false
  let swiped: { row: HTMLElement; by: number } | null = null

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
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y]
    if (Math.hypot(dx, dy) > SLOP_PX) stop()
    if (event.pointerType !== 'mouse' && !pressed) swipe(rowOf(event.target), dx, dy)
  })
  useEventListener(box, ['pointerup', 'pointercancel', 'scroll'], (event) => {
    stop()
    release(event.type === 'pointerup')
  })
  // The finger that opened the menu goes up: that is no click, neither on a link nor on what now lies under it.
  useEventListener(
    box,
    'touchend',
    (event) => {
      if (pressed) event.preventDefault()
      pressed = false
    },
    { passive: false },
  )
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

  /** The row follows the finger; the list gives up the gesture as soon as it scrolls. */
  function swipe(row: HTMLElement | null, dx: number, dy: number): void {
    if (!swiped && (!row || dx < SLOP_PX || dx < 2 * Math.abs(dy))) return
    swiped ??= row && { row, by: 0 }
    if (!swiped) return
    const by = Math.max(0, Math.min(dx, SWIPE_PX))
    if (by === SWIPE_PX && swiped.by < SWIPE_PX) navigator.vibrate?.(10)
    swiped.by = by
    swiped.row.style.transform = `translateX(${by}px)`
  }

  function release(done: boolean): void {
    if (!swiped) return
    const { row, by } = swiped
    swiped = null
    row.style.transform = ''
    if (done && by === SWIPE_PX) reply(row)
  }

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
