// Arrow keys among the buttons of a grid, however many columns it has.

/** Moves the focus; for `keydown` of the element around the buttons. */
export function gridKeys(event: KeyboardEvent, selector = 'button', root: ParentNode | null = null): void {
  const inside = root ?? (event.currentTarget as HTMLElement)
  const buttons = [...inside.querySelectorAll<HTMLElement>(selector)]
  const at = buttons.indexOf(event.composedPath()[0] as HTMLElement)
  if (at < 0) return
  const to = target(event.key, at, columnsOf(buttons), buttons.length)
  if (to === null) return
  event.preventDefault()
  buttons[to]?.focus()
}

function columnsOf(buttons: readonly HTMLElement[]): number {
  const top = buttons[0]?.getBoundingClientRect().top
  const below = buttons.findIndex((button) => button.getBoundingClientRect().top !== top)
  return below < 0 ? buttons.length : below
}

/** The place that a key leads to from `at`; null: none. Exported for its test. */
export function target(key: string, at: number, columns: number, count: number): number | null {
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: count - 1 }[key]
  return to === undefined || to < 0 || to >= count ? null : to
}
