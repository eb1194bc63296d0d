// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { expect, test } from 'vitest'
import MessageText from './MessageText.vue'

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
