import vue from 'eslint-plugin-vue'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['node_modules', '../asset/app'] },
  ...ts.configs.strict,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    rules: {
      'max-lines': ['error', { max: 300, skipComments: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      'vue/no-v-html': 'error',
      // Layout of markup is left to the author; these fight short one-line elements.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/multi-word-component-names': 'off',
      'vue/require-default-prop': 'off',
    },
  },
  {
    // One folder knows the network.
    files: ['src/**/*.{ts,vue}'],
    ignores: ['src/net/**'],
    rules: { 'no-restricted-globals': ['error', 'fetch', 'WebSocket', 'XMLHttpRequest', 'EventSource'] },
  },
  {
    // The connection's rules stay pure: time, chance and sockets are arguments or commands.
    files: ['src/net/connection.ts', 'src/net/backoff.ts', 'src/stores/timeline.ts', 'src/stores/outbox.ts'],
    rules: {
      'no-restricted-globals': ['error', 'WebSocket', 'fetch', 'setTimeout', 'setInterval', 'Date', 'window', 'document'],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
      'no-restricted-imports': ['error', { patterns: ['vue', 'pinia', '@vueuse/*'] }],
    },
  },
)
