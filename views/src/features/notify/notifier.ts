// Tells of messages that came while the reader was elsewhere: a notification per conversation, a sound, the number on
// the icon. Loaded after the page has started.

import { watchThrottled } from '@vueuse/core'
import { watch } from 'vue'
import type { Router } from 'vue-router'
import { badge } from './favicon'
import { Herald } from './herald'
import { permission } from './permission'
import { attention, calls } from './rules'
import { chime } from './sound'
import { previewText } from '@/features/chat/preview'
import { faceOf, pathOf } from '@/features/chat/useConversation'
import { t } from '@/i18n'
import { newCid } from '@/net/cid'
import type { Conv, Entry } from '@/net/types'
import { useConversations } from '@/stores/conversations'
import type { Listener } from '@/stores/live'
import { usePeople } from '@/stores/people'
import { useSession } from '@/stores/session'
import { useSettings } from '@/stores/settings'

const ICON = '/icon-192.png'
/** Each number is a picture that is drawn. */
const BADGE_EVERY_MS = 500

interface Shown {
  seqs: number[]
  close: () => void
}

let notifier: Listener | null = null

/** One for the page, whoever is inside. Is told what comes in. */
export function useNotifier(router: Router): Listener {
  return (notifier ??= start(router))
}

function start(router: Router): Listener {
  const conversations = useConversations()
  const settings = useSettings()
  const session = useSession()
  const people = usePeople()
  const shown = new Map<Conv, Shown>()

  const looking = () => document.visibilityState === 'visible' && document.hasFocus()
  const herald = new Herald(new BroadcastChannel('starling-herald'), newCid(), looking)

  function openConv(): Conv | null {
    const { name, params } = router.currentRoute.value
    return name === 'chat' ? `${String(params.kind)}:${String(params.id)}` : null
  }

  async function take(entry: Entry): Promise<void> {
    if (entry.kind === 'recall' && entry.target != null) withdraw(entry.conv, entry.target)
    const me = session.me?.id
    const muted = conversations.items[entry.conv]?.muted ?? false
    if (me === undefined || !calls(entry, me, muted, Date.now())) return
    const where = attention(document.visibilityState === 'visible', document.hasFocus(), openConv(), entry.conv)
    if (where === 'here') return
    if (where === 'away' && !(await herald.mine(`${me} ${entry.seq}`))) return
    if (settings.sounds) chime()
    if (where === 'away' && settings.notify && permission() === 'granted') tell(entry, me)
  }

  function tell(entry: Entry, me: number): void {
    const { conv } = entry
    const seqs = [...(shown.get(conv)?.seqs ?? []), entry.seq]
    const text = settings.notifyPreview ? previewText(entry, me, people.nameOf) : t('notify.newMessage')
    const body = seqs.length > 1 ? t('notify.several', { n: seqs.length, text }) : text
    const title = faceOf(conv, conversations.items[conv]).title || t('app.name')
    shown.set(conv, { seqs, close: show(title, { body, tag: `starling-${conv}`, icon: ICON, data: { path: pathOf(conv) } }) })
  }

  function show(title: string, options: NotificationOptions & { tag: string; data: { path: string } }): () => void {
    try {
      const notification = new Notification(title, options)
      notification.onclick = () => {
        window.focus()
        notification.close()
        void router.push(options.data.path)
      }
      return () => notification.close()
    } catch {
      // Phones let only the worker show them.
      const worker = navigator.serviceWorker?.ready
      void worker?.then((registration) => registration.showNotification(title, options))
      return () => void worker?.then(async (registration) => (await registration.getNotifications({ tag: options.tag })).forEach((one) => one.close()))
    }
  }

  function close(conv: Conv): void {
    shown.get(conv)?.close()
    shown.delete(conv)
  }

  /** What was taken back must not be read on the notification either. */
  function withdraw(conv: Conv, seq: number): void {
    if (shown.get(conv)?.seqs.includes(seq)) close(conv)
  }

  watch(
    () => conversations.items,
    (items) => {
      for (const conv of shown.keys()) if ((items[conv]?.unread ?? 0) === 0) close(conv)
    },
  )
  watchThrottled(
    () => conversations.unread,
    (n) => {
      void badge(n)
      // On the icon of the installed page.
      if ('setAppBadge' in navigator) void navigator.setAppBadge(n).catch(() => undefined)
    },
    { immediate: true, throttle: BADGE_EVERY_MS },
  )
  navigator.serviceWorker?.addEventListener('message', ({ data }: MessageEvent<{ type?: string; path?: string } | null>) => {
    if (data?.type === 'open' && data.path) void router.push(data.path)
  })
  return (entries) => entries.forEach((entry) => void take(entry))
}
