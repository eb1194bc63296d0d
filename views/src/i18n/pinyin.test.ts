import { expect, test } from 'vitest'
import { compareNames, initialsOf, letterOf, matchOf, matches } from './pinyin'

test('each name stands under the letter of its first sound', () => {
  const letters = ['阿明', '白洁', '陈一鸣', '丁一', '鄂伦', '方圆', '高山', '何平', '江南', '康康', '林夏', '马力', '牛牛', '欧阳', '潘安']
  expect(letters.map(letterOf).join('')).toBe('ABCDEFGHJKLMNOP')
  expect(['钱多', '任我', '孙悟空', '唐僧', '王敏', '徐来', '杨柳', '赵可'].map(letterOf).join('')).toBe('QRSTWXYZ')
})

test('common characters on both sides of each bound', () => {
  const said = '啊安八不擦错大对饿恩发负嘎过哈活几军卡快拉论妈目那女哦欧怕铺七去然若洒所他托哇我西寻压云杂做'
  const want = 'AABBCCDDEEFFGGHHJJKKLLMMNNOOPPQQRRSSTTWWXXYYZZ'
  expect([...said].map(letterOf).join('')).toBe(want)
})

test('Latin names stand under their letter without accents, the rest under #', () => {
  expect(['Ada', 'élan', 'ötzi', '42', '😀', ''].map(letterOf)).toEqual(['A', 'E', 'O', '#', '#', '#'])
})

test('family names with a reading of their own', () => {
  expect(['曾国藩', '单雄信', '解缙', '区小姐'].map(letterOf)).toEqual(['Z', 'S', 'X', 'O'])
})

test('initials, for the quick switcher', () => {
  expect(initialsOf('研发一组')).toBe('yfyz')
  expect(initialsOf('产品讨论 Product Talk')).toBe('cptlpt')
  expect(initialsOf('node-3 值班')).toBe('n3zb')
})

test('an index is in order of letters, then of sounds, with # last', () => {
  const names = ['42', '赵可', 'Bob', '阿明', '陈一鸣', '白洁', '王敏', 'Alice']
  expect(names.sort(compareNames)).toEqual(['阿明', 'Alice', '白洁', 'Bob', '陈一鸣', '王敏', '赵可', '42'])
})

test('a beginning counts more than initials, and these more than a part', () => {
  const scores = ['yf', '研发', '一组', 'yz', 'xx'].map((words) => matchOf('研发一组', words))
  expect(scores).toEqual([3, 4, 2, 1, 0])
})

test('a name is found by itself and by its sounds', () => {
  expect(matches('研发一组', 'fy')).toBe(true)
  expect(matches('研发一组', '发一')).toBe(true)
  expect(matches('Ada Lovelace', 'LOVE')).toBe(true)
  expect(matches('研发一组', 'zy')).toBe(false)
  expect(matches('研发一组', ' ')).toBe(true)
})
