// The names of those whom a message calls, as they may stand in its text.

import { computed } from 'vue'
import type { ComputedRef } from 'vue'
import { EVERYBODY } from './mentions'
import type { Called } from './mentions'
import type { UserId } from '@/net/types'
import { usePeople } from '@/stores/people'

/** Written by people with another language of the page than the reader's. */
const ALL = ['所有人', 'everyone', 'all']

export function useCalled(ids: () => readonly UserId[]): ComputedRef<Called[]> {
  const people = usePeople()
  return computed(() =>
    ids().flatMap((id) => {
      if (id === EVERYBODY) return ALL.map((name) => ({ id, name }))
      const name = people.nameOf(id)
      return name ? [{ id, name }, { id, name: people.users.get(id)?.name ?? name }] : []
    }),
  )
}
