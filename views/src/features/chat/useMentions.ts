// The list that opens behind an @ in the composer of a group.

import { computed, ref, watch } from 'vue'
import type { Ref } from 'vue'
import { calling, candidates, EVERYBODY, mentionsIn } from './mentions'
import type { Called, Candidate } from './mentions'
import { t } from '@/i18n'
import type { Conv, UserId } from '@/net/types'
import { groupId, useGroups } from '@/stores/groups'
import { displayName } from '@/stores/people'
import { useSession } from '@/stores/session'

export function useMentions(conv: Conv, text: Ref<string>, field: Readonly<Ref<HTMLTextAreaElement | null>>) {
  const groups = useGroups()
  const session = useSession()
  const group = groupId(conv)
  const caret = ref(0)
  const active = ref(0)
  /** Closed by Esc until the next @. */
  const closedAt = ref<number | null>(null)
  let picked: Called[] = []

  const all = computed((): Candidate[] => {
    if (group === null) return []
    const me = session.me?.id
    const members = groups.members[group] ?? []
    const mine = members.find(({ user }) => user.id === me)?.role
    const others = members
      .filter(({ user }) => user.id !== me)
      .map(({ user }) => ({ id: user.id, name: displayName(user), also: user.name, avatar: user.avatar }))
    const everybody = { id: EVERYBODY, name: t('chat.everybody'), also: 'all', avatar: '' }
    return mine === 'owner' || mine === 'admin' ? [everybody, ...others] : others
  })
  const call = computed(() => (group === null ? null : calling(text.value, caret.value)))
  const options = computed(() => (call.value && closedAt.value !== call.value.start ? candidates(all.value, call.value.typed) : []))
  watch(options, () => (active.value = 0))

  /** The caret may have moved. */
  function moved(): void {
    caret.value = field.value?.selectionStart ?? 0
    if (!call.value) closedAt.value = null
  }

  function pick(option: Candidate): void {
    const at = call.value
    const area = field.value
    if (!at || !area) return
    picked = [...picked, { id: option.id, name: option.name }]
    area.setRangeText(`@${option.name} `, at.start, caret.value, 'end')
    text.value = area.value
    area.focus()
    moved()
  }

  /** Whether the list took the key. */
  function keyed(event: KeyboardEvent): boolean {
    const count = options.value.length
    if (count === 0) return false
    const option = options.value[active.value]
    if (event.key === 'ArrowDown') active.value = (active.value + 1) % count
    else if (event.key === 'ArrowUp') active.value = (active.value + count - 1) % count
    else if (event.key === 'Escape') closedAt.value = call.value?.start ?? null
    else if ((event.key === 'Enter' || event.key === 'Tab') && option) pick(option)
    else return false
    event.preventDefault()
    event.stopPropagation()
    return true
  }

  /** Whom the text calls; from here on nobody is picked. */
  function taken(words: string): UserId[] {
    const ids = mentionsIn(words, picked)
    picked = []
    return ids
  }

  return { options, active, moved, pick, keyed, taken }
}
