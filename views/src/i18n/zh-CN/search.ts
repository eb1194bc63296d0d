export default {
  'search.all': '搜索联系人、群组、消息',
} as const
