import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { budget } from './build/budget.ts'
import { compress } from './build/compress.ts'
import { icons } from './build/icons.ts'
import { worker } from './build/worker.ts'

const mark = fileURLToPath(new URL('../asset/public/favicon.svg', import.meta.url))
const server = process.env.STARLING_SERVER ?? 'http://127.0.0.1:8080'

/** What runs as soon as somebody is logged in. */
const INSIDE =
  /src\/(stores\/(conversations|messages|live|groups|people|contacts|outbox|timeline|dialogs|link)|net\/(connection|frames|socket|backoff|cid|media))\.ts$/

export default defineConfig({
  plugins: [vue(), tailwindcss(), icons(mark), worker(), compress(), budget()],
  publicDir: '../asset/public',
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    outDir: '../asset/app',
    emptyOutDir: true,
    manifest: true,
    // Data URIs would need a wider policy than 'self' for fonts and styles.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: 'index.html', sw: 'worker/sw.ts' },
      // A worker rules over the paths below its own.
      output: {
        entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        // What is always loaded together is packed together: small files compress badly.
        codeSplitting: { groups: [{ name: 'inside', test: INSIDE }], includeDependenciesRecursively: false },
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
