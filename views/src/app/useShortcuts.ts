// The keys of the whole page. None of them is taken from somebody who is typing, or from an input method.

import { useEventListener } from '@vueuse/core'
import { useRoute, useRouter } from 'vue-router'
import { pathOf } from '@/features/chat/useConversation'
import { useConversations } from '@/stores/conversations'
import { useDialogs } from '@/stores/dialogs'

export function useShortcuts(): void {
  const dialogs = useDialogs()
  const conversations = useConversations()
  const route = useRoute()
  const router = useRouter()

  useEventListener(window, 'keydown', (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
      dialogs.open = dialogs.open === 'switcher' ? null : 'switcher'
    } else if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      if (dialogs.open === null) step(event.key === 'ArrowDown' ? 1 : -1)
    } else if (event.key === '?' && !typing(event.target) && dialogs.open === null) {
      dialogs.open = 'shortcuts'
    } else return
    event.preventDefault()
  })

  /** To the conversation below or above in the list. */
  function step(by: 1 | -1): void {
    const paths = conversations.sorted.map(({ conv }) => pathOf(conv))
    const at = paths.indexOf(route.path)
    const next = paths[at === -1 ? 0 : at + by]
    if (next) void router.push(next)
  }
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null
}
