import { expect, test } from 'vitest'
import { actionsOf } from './menuActions'
import type { Viewer } from './menuActions'
import { PACKET, PICTURE, TEXT } from '@/net/media'
import type { Entry } from '@/net/types'
import type { Message } from '@/stores/timeline'

const ME = 1
const viewer = (over: Partial<Viewer> = {}): Viewer => ({ me: ME, role: null, now: 1_000, recallMs: 120_000, ...over })

function message(over: Partial<Entry> = {}, state: Message['state'] = 'sent'): Message {
  const entry: Entry = { seq: 5, conv: 'u:2', from: ME, at: 1_000, kind: 'message', media: TEXT, content: 'words', ...over }
  return { key: 's5', seq: state === 'sent' ? 5 : null, cid: state === 'sent' ? null : 'c', entry, state, error: null }
}

test('my own message can be recalled until the server\'s time for it is over', () => {
  expect(actionsOf(message(), viewer({ now: 120_999 }))).toContain('recall')
  expect(actionsOf(message(), viewer({ now: 121_000 }))).not.toContain('recall')
})

test('the messages of others are recalled by owner and admins only, at any time', () => {
  const late = viewer({ now: 9_000_000 })
  expect(actionsOf(message({ from: 2 }), late)).not.toContain('recall')
  expect(actionsOf(message({ from: 2 }), { ...late, role: 'member' })).not.toContain('recall')
  expect(actionsOf(message({ from: 2 }), { ...late, role: 'admin' })).toContain('recall')
  expect(actionsOf(message({ from: 2 }), { ...late, role: 'owner' })).toContain('recall')
  expect(actionsOf(message({ from: 2, media: PACKET }), { ...late, role: 'owner' })).not.toContain('recall')
})

test('what has no words is not copied, what says nothing any more is only deleted', () => {
  expect(actionsOf(message({ media: PICTURE, content: '' }), viewer())).not.toContain('copy')
  expect(actionsOf(message({ recalled: true, content: null }), viewer())).toEqual(['delete'])
  expect(actionsOf(message({ kind: 'joined' }), viewer({ role: 'owner' }))).toEqual(['delete'])
})

test('a message in the outbox is not yet the server\'s to change', () => {
  expect(actionsOf(message({}, 'pending'), viewer())).toEqual(['copy', 'discard'])
  expect(actionsOf(message({}, 'failed'), viewer())).toEqual(['retry', 'copy', 'discard'])
})
