// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test } from 'vitest'
import MessageText from './MessageText.vue'
import { usePeople } from '@/stores/people'

beforeEach(() => setActivePinia(createPinia()))

test('markup in a message is text', () => {
  const text = '<img src=x onerror=alert(1)><b>x</b> javascript:alert(1)'
  const shown = mount(MessageText, { props: { text } })
  expect(shown.text()).toBe(text)
  expect(shown.findAll('img, b, a')).toEqual([])
})

test('a link opens elsewhere and knows nothing of this page', () => {
  const link = mount(MessageText, { props: { text: 'see http://a.lan/x now' } }).get('a')
  expect(link.attributes()).toMatchObject({ href: 'http://a.lan/x', target: '_blank', rel: 'noopener noreferrer' })
})

test('who is called by the message stands out, other names with an @ do not', () => {
  const user = { name: 'ada', avatar: '', sex: 'U', memo: '', online: false }
  usePeople().learn({ ...user, id: 2, nickname: 'Ada' })
  const shown = mount(MessageText, { props: { text: '@Ada and @Bo', mentions: [2] } })
  expect(shown.findAll('[data-mention]').map((one) => one.text())).toEqual(['@Ada'])
})
