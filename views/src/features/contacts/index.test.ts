import { expect, test } from 'vitest'
import { sectionsOf } from './index'

test('friends stand under their letters, in order, with # at the end', () => {
  const people = ['王敏', 'Ada', '阿明', '7up', '万里'].map((label) => ({ label }))
  expect(sectionsOf(people).map(({ letter, items }) => [letter, ...items.map(({ label }) => label)])).toEqual([
    ['A', '阿明', 'Ada'],
    ['W', '万里', '王敏'],
    ['#', '7up'],
  ])
  expect(sectionsOf([])).toEqual([])
})
