import { onScopeDispose } from 'vue'

const MARK = 'data-aria-hidden'

/**
 * While a modal menu is open, what Reka UI hides from screen readers does not take the focus either. The answer ends
 * that: to be called before the focus is given back, which happens before the page is uncovered.
 */
export function useOutOfReach(): () => void {
  const watcher = new MutationObserver((changes) => {
    for (const { target } of changes) (target as Element).toggleAttribute('inert', (target as Element).hasAttribute(MARK))
  })
  watcher.observe(document.body, { subtree: true, attributeFilter: [MARK] })

  function release(): void {
    watcher.disconnect()
    for (const one of document.querySelectorAll(`[inert][${MARK}]`)) one.removeAttribute('inert')
  }
  onScopeDispose(release)
  return release
}
