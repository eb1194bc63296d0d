// Does something with a group; what the server refuses is said in a notice, since the row it was about may be gone.

import { errorText } from '@/i18n/errors'
import { useNotices } from '@/stores/notices'

export function useGroupAct() {
  const notices = useNotices()

  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      notices.show(errorText(error))
      return false
    }
  }

  return { attempt }
}
