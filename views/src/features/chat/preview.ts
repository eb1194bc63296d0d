// One line of text for an entry: in the list, in notices, and as the system lines of a conversation.

import { t } from '@/i18n'
import type { Key } from '@/i18n'
import type { Entry, UserId } from '@/net/types'

export type NameOf = (id: UserId) => string

const MEDIA: Readonly<Record<number, Key>> = {
  2: 'preview.article',
  3: 'preview.voice',
  4: 'preview.picture',
  5: 'preview.packet',
  6: 'preview.sticker',
  7: 'preview.link',
  8: 'preview.video',
  9: 'preview.card',
  10: 'preview.file',
  11: 'preview.location',
  103: 'preview.merged',
}

/** What a message says, without its sender. */
export function messageText(entry: Entry): string {
  const content = entry.content ?? ''
  if (entry.media === 1 || entry.media == null) return content.replace(/\s+/g, ' ').trim()
  const key = MEDIA[entry.media]
  return key ? t(key, { n: entry.amount ?? 0, name: content }).trim() : t('preview.other')
}

/** For the conversation list. Groups name the sender. */
export function previewText(entry: Entry, me: UserId, nameOf: NameOf): string {
  if (entry.kind === 'notice') return entry.content ?? ''
  if (entry.kind !== 'message' || entry.recalled) return systemText(entry, me, nameOf)
  const text = messageText(entry)
  if (!entry.conv.startsWith('g:') || entry.from === 0) return text
  const name = entry.from === me ? t('chat.you') : nameOf(entry.from)
  return name ? t('preview.by', { name, text }) : text
}

/** The centred line for everything that is not a message with content. */
export function systemText(entry: Entry, me: UserId, nameOf: NameOf): string {
  const name = (id: UserId) => (id === me ? t('chat.you') : nameOf(id) || t('common.someone'))
  const by = name(entry.by ?? entry.from)
  switch (entry.kind) {
    case 'message':
      return recalledText(entry, me, name)
    case 'joined':
    case 'left':
      return membershipText(entry, name)
    case 'group':
      if (entry.created) return t('chat.groupCreated', { by })
      if (entry.dissolved) return t('chat.groupDissolved', { by })
      return groupText(entry, by, name)
    case 'friend':
      return friendText(entry, by)
    case 'notice':
      return entry.content ?? ''
    default:
      return ''
  }
}

function recalledText(entry: Entry, me: UserId, name: NameOf): string {
  if (entry.from === me) return t('chat.recalledByMe')
  return entry.conv.startsWith('g:') ? t('chat.recalledBy', { name: name(entry.from) }) : t('chat.recalledByPeer')
}

function membershipText(entry: Entry, name: NameOf): string {
  const users = entry.users?.length ? entry.users : [entry.from]
  const names = users.map(name).join(t('common.listSeparator'))
  const byOther = entry.by != null && !users.includes(entry.by)
  if (entry.kind === 'joined') return byOther ? t('chat.added', { by: name(entry.by ?? 0), names }) : t('chat.joined', { names })
  return byOther ? t('chat.removed', { by: name(entry.by ?? 0), names }) : t('chat.left', { names })
}

function groupText(entry: Entry, by: string, name: NameOf): string {
  const { role, muted, memo, owner, icon, join } = entry
  if (entry.name) return t('chat.groupRenamed', { by, name: entry.name })
  if (memo != null) return memo ? t('groups.news.memo', { by, memo }) : t('groups.news.noMemo', { by })
  if (owner) return t('groups.news.owner', { by, name: name(owner) })
  if (role) return t(role.role === 'admin' ? 'groups.news.admin' : 'groups.news.member', { by, name: name(role.user) })
  if (muted?.user === 0) return t(muted.until > entry.at ? 'groups.news.allMuted' : 'groups.news.allUnmuted', { by })
  if (muted) return t(muted.until > entry.at ? 'groups.news.muted' : 'groups.news.unmuted', { by, name: name(muted.user) })
  if (join === 'open' || join === 'approval' || join === 'invite') return t('groups.news.join', { by, mode: t(`groups.join.${join}`) })
  return t(icon != null ? 'groups.news.icon' : 'chat.groupChanged', { by })
}

function friendText(entry: Entry, by: string): string {
  switch (entry.state) {
    case 'requested':
      return t('chat.friendRequested', { by }) + (entry.message ? ` · ${entry.message}` : '')
    case 'refused':
      return t('chat.friendRefused')
    case 'removed':
      return t('chat.friendRemoved')
    default:
      return t('chat.friends')
  }
}
