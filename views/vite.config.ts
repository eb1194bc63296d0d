import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { ahead } from './build/ahead.ts'
import { budget } from './build/budget.ts'
import { compress } from './build/compress.ts'
import { icons } from './build/icons.ts'
import { worker } from './build/worker.ts'

const mark = fileURLToPath(new URL('../asset/public/favicon.svg', import.meta.url))
const server = process.env.STARLING_SERVER ?? 'http://127.0.0.1:8080'

/** What every page needs, and the log-in as well as a conversation. */
const START = /src\/(main|i18n\/errors|stores\/cluster)\.ts$|src\/ui\/(Btn|Mark)\.vue$|valibot\/dist|icons\/(moon|sun|eye-off)\.|plugin-vue.export-helper|rolldown.runtime/

export default defineConfig({
  plugins: [vue(), tailwindcss(), icons(mark), ahead(), worker(), compress(), budget()],
  publicDir: '../asset/public',
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    outDir: '../asset/app',
    emptyOutDir: true,
    manifest: true,
    modulePreload: {
      // What was loaded before need not be looked for again by each part that is loaded later.
      resolveDependencies: (_file, names, { hostType }) => (hostType === 'html' ? names : names.filter((name) => !/\/(start|inside)-/.test(name))),
    },
    // Data URIs would need a wider policy than 'self' for fonts and styles.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: 'index.html', sw: 'worker/sw.ts' },
      // A worker rules over the paths below its own.
      output: {
        entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        // What is always loaded together is packed together: each file costs a turn on the network, and small ones compress badly.
        codeSplitting: {
          groups: [
            { name: 'start', test: START, priority: 2 },
            { name: 'inside', test: /src\/app\/inside\.ts$/, priority: 1 },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': server,
      '/files': server,
      '/ws': { target: server.replace(/^http/, 'ws'), ws: true },
    },
  },
  // A bound against hanging, not a measure: machines that run tests are often busy.
  test: { include: ['src/**/*.test.ts'], testTimeout: 60_000 },
})
