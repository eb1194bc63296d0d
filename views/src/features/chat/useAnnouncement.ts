// Said once by a live region of its own; the list itself would be read out while scrolling.

import { ref, watch } from 'vue'
import type { Ref } from 'vue'
import { previewText } from './preview'
import { t } from '@/i18n'
import type { Seq, UserId } from '@/net/types'
import { usePeople } from '@/stores/people'
import type { Message } from '@/stores/timeline'

/** `peer`: whom a private conversation is with; in groups the text names its author. */
export function useAnnouncement(shown: Readonly<Ref<readonly Message[]>>, me: () => UserId, peer: () => string | null): Ref<string> {
  const people = usePeople()
  const announcement = ref('')
  let said: Seq | null = null
  watch(
    () => shown.value.at(-1),
    (last, before) => {
      // What was taken back is not to be found here either.
      if (last && last.seq === said && last.entry.recalled) announcement.value = ''
      if (!last || !before || last.seq === null || last.seq <= (before.seq ?? 0) || last.entry.from === me()) return
      const text = previewText(last.entry, me(), people.nameOf)
      const name = peer()
      said = last.seq
      announcement.value = name === null ? text : t('preview.by', { name, text })
    },
  )
  return announcement
}
