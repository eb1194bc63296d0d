import { expect, test } from 'vitest'
import { changesOf, faultsOf } from './profile'
import type { GroupForm } from './profile'

const stored: GroupForm = { name: '研发', memo: '', icon: '', category: 0, join: 'open' }

test('a name is needed, and neither name nor introduction may be too long', () => {
  expect(faultsOf(stored)).toEqual({ name: null, memo: null })
  expect(faultsOf({ name: '  ', memo: '' }).name).toBe('createGroup.nameMissing')
  expect(faultsOf({ name: '群'.repeat(40), memo: '😀'.repeat(140) })).toEqual({ name: null, memo: null })
  expect(faultsOf({ name: '群'.repeat(41), memo: 'x'.repeat(141) })).toEqual({ name: 'createGroup.nameLong', memo: 'createGroup.memoLong' })
})

test('only what differs is sent', () => {
  expect(changesOf({ ...stored, name: ' 研发 ' }, stored)).toEqual({})
  expect(changesOf({ ...stored, memo: '周会改到周三', join: 'invite' }, stored)).toEqual({ memo: '周会改到周三', join: 'invite' })
})
