import { expect, test } from 'vitest'
import { ACK_MS_MAX, due, fail, push, refuse, remove, reopen, retry, RETRY_MS, toUpload, uploaded, UPLOADS_MAX } from './outbox'
import type { Outbox } from './outbox'

const item = (cid: string, conv = 'u:2') => ({ cid, conv, draft: { media: 1, content: cid }, createdAt: 0 })
const three = ['a', 'b', 'c'].reduce<Outbox>((box, cid) => push(box, item(cid)), [])
const cids = (list: readonly { cid: string }[]) => list.map((one) => one.cid)

test('one message per conversation is under way, the next follows its confirmation', () => {
  const first = due(push(three, item('z', 'g:1')), 0)
  expect(cids(first.send)).toEqual(['a', 'z'])
  expect(due(first.outbox, 1).send).toEqual([])
  expect(cids(due(remove(first.outbox, 'a'), 2).send)).toEqual(['b'])
})

test('a passing refusal is repeated under the same cid and holds later messages back', () => {
  const sent = due(three, 0).outbox
  const refused = refuse(sent, 'a', { code: 'unavailable', message: '', retryAfter: 300 }, 10)
  expect(due(refused, 100)).toMatchObject({ send: [], again: 310 })
  expect(cids(due(refused, 310).send)).toEqual(['a'])
})

test('a passing refusal that names no wait gets the usual one', () => {
  const refused = refuse(due(three, 0).outbox, 'a', { code: 'rate_limited', message: '', retryAfter: null }, 10)
  expect(due(refused, 10).again).toBe(10 + RETRY_MS)
})

test('a final refusal fails the message, lets the others pass, and waits for the user', () => {
  const failed = refuse(due(three, 0).outbox, 'a', { code: 'blocked', message: 'no', retryAfter: null }, 10)
  expect(failed[0]).toMatchObject({ state: 'failed', error: { code: 'blocked' } })
  const next = due(failed, 11)
  expect(cids(next.send)).toEqual(['b'])
  expect(cids(due(retry(failed, 'a'), 11).send)).toEqual(['a'])
})

test('what is not confirmed in time, or was under way on a lost link, is sent again', () => {
  const sent = due(three, 0)
  expect(sent.again).toBe(ACK_MS_MAX)
  expect(cids(due(sent.outbox, ACK_MS_MAX).send)).toEqual(['a'])
  expect(cids(due(reopen(sent.outbox), 1).send)).toEqual(['a'])
})

test('the same cid is kept once', () => {
  expect(push(three, item('a'))).toBe(three)
})

const picture = (cid: string, conv = 'u:2') => ({ ...item(cid, conv), attachment: { file: new Blob(['x']), name: 'x.png' } })

test('bytes go before the message, which then is sent with their address', () => {
  const box = push([], picture('p'))
  expect(due(box, 0).send).toEqual([])
  expect(cids(toUpload(box))).toEqual(['p'])
  const ready = uploaded(box, 'p', { url: '/files/1/x.png' })
  expect(toUpload(ready)).toEqual([])
  expect(due(ready, 0).send[0]).toMatchObject({ cid: 'p', attachment: null, draft: { content: 'p', url: '/files/1/x.png' } })
})

test('an upload holds back neither texts of its conversation nor other conversations, but the uploads after it', () => {
  const box = [picture('p'), picture('q'), picture('r', 'g:1')].reduce<Outbox>((all, one) => push(all, one), three)
  expect(cids(due(box, 0).send)).toEqual(['a'])
  expect(cids(toUpload(box))).toEqual(['p', 'r'])
  const many = Array.from({ length: 9 }, (_, n) => picture(`n${n}`, `g:${n}`)).reduce<Outbox>((all, one) => push(all, one), [])
  expect(toUpload(many)).toHaveLength(UPLOADS_MAX)
})

test('a failed upload is uploaded again on retry, a refused message is only sent again', () => {
  const failed = fail(push([], picture('p')), 'p', { code: 'internal', message: '' })
  expect(toUpload(failed)).toEqual([])
  expect(cids(toUpload(retry(failed, 'p')))).toEqual(['p'])
  const refused = fail(uploaded(failed, 'p', { url: '/files/1/x.png' }), 'p', { code: 'blocked', message: '' })
  expect(toUpload(retry(refused, 'p'))).toEqual([])
  expect(cids(due(retry(refused, 'p'), 0).send)).toEqual(['p'])
})
