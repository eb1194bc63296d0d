import type zh from '../zh-CN/search'

export default {
  'search.all': 'Search people, groups, messages',
} satisfies Record<keyof typeof zh, string>
