import { expect, test } from 'vitest'
import { parseFrame } from './frames'

test('unknown fields pass, unknown types and broken frames are dropped', () => {
  expect(parseFrame('{"type":"pong","n":1,"after":3,"delivered":9,"new":true}')).toMatchObject({ type: 'pong', n: 1, after: 3 })
  expect(parseFrame('{"type":"hologram"}')).toBeNull()
  expect(parseFrame('{"type":"ack","cid":1}')).toBeNull()
  expect(parseFrame('not json')).toBeNull()
  expect(parseFrame('null')).toBeNull()
})

test('a user may come as an id or as a profile', () => {
  expect(parseFrame('{"type":"profile","user":4}')).toMatchObject({ user: 4 })
  expect(parseFrame('{"type":"profile","user":{"id":4,"name":"x"}}')).toMatchObject({ user: 4 })
})

test('an entry of a kind not known yet still moves the position', () => {
  expect(parseFrame('{"type":"entry","seq":5,"conv":"g:1","from":2,"at":1,"kind":"poll","media":null}')).toMatchObject({ seq: 5 })
})
