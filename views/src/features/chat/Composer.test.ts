// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test } from 'vitest'
import Composer from './Composer.vue'
import { useMessages } from '@/stores/messages'

beforeEach(() => setActivePinia(createPinia()))

function open() {
  const composer = mount(Composer, { props: { conv: 'u:2', task: null } })
  return { composer, field: composer.get('textarea'), sent: () => useMessages().outbox.map((item) => item.draft.content) }
}

test('Enter sends the trimmed text and empties the field', async () => {
  const { field, sent } = open()
  await field.setValue('  hello \n')
  await field.trigger('keydown', { key: 'Enter' })
  expect(sent()).toEqual(['hello'])
  expect(field.element.value).toBe('')
})

test('an Enter that belongs to an input method does not send', async () => {
  const { field, sent } = open()
  await field.setValue('ni hao')
  await field.trigger('keydown', { key: 'Enter', isComposing: true })
  await field.trigger('keydown', { key: 'Enter', keyCode: 229 })
  await field.trigger('keydown', { key: 'Enter', shiftKey: true })
  expect(sent()).toEqual([])
  expect(field.element.value).toBe('ni hao')
})

test('blank and too long texts are not sent', async () => {
  const { field, sent } = open()
  for (const text of ['', '  \n ', '中'.repeat(5462)]) {
    await field.setValue(text)
    await field.trigger('keydown', { key: 'Enter' })
  }
  expect(sent()).toEqual([])
})

test('what was typed is there on return', async () => {
  const first = open()
  await first.field.setValue('half a thought')
  first.composer.unmount()
  expect(open().field.element.value).toBe('half a thought')
})
