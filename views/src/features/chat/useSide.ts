// Which panel stands beside the conversation. Members stay open where there is room; on a phone they are a page of their
// own, so that its back button leads back.

import { useLocalStorage, useMediaQuery } from '@vueuse/core'
import { ref } from 'vue'
import type { Ref } from 'vue'
import { useRouter } from 'vue-router'
import type { Side } from './ChatSide.vue'
import type { ConversationFace } from './useConversation'
import { usePhone } from '@/ui/usePhone'

export function useSide(face: Ref<ConversationFace>) {
  const router = useRouter()
  const phone = usePhone()
  const wide = useMediaQuery('(min-width: 1100px)')
  const docked = useLocalStorage('starling.members', true)
  const side = ref<Side>(wide.value && docked.value && face.value.isGroup ? 'members' : null)

  function toggle(which: 'members' | 'search'): void {
    if (which === 'members' && phone.value) return void router.push({ name: 'group', params: { id: face.value.id } })
    side.value = side.value === which ? null : which
    if (which === 'members' && wide.value) docked.value = side.value === 'members'
  }

  return { side, toggle }
}
