import { defineConfig } from '@playwright/test'

// Started from views (`npm run e2e`); that folder's packages are found through the paths of tsconfig.json here.
export default defineConfig({
  testDir: '.',
  // Pictures for people: `scripts/screenshots`.
  testIgnore: process.env.STARLING_SCREENSHOTS ? [] : ['visual/**'],
  // What a browser grants to its own machine alone, and what is about not having it.
  grepInvert: process.env.STARLING_LAN ? /@secure/ : /@lan/,
  // Two runs at a time must not share it.
  outputDir: process.env.STARLING_E2E_OUTPUT ?? '../../test-results',
  // A bound against hanging, not a measure: what has to be quick says so itself.
  timeout: 120_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 1,
  reporter: 'list',
  use: {
    locale: 'zh-CN',
    // What a worker answers does not pass a test's routes; the flows about the worker allow it.
    serviceWorkers: 'block',
    // No video: it would need a downloaded ffmpeg.
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        // Its microphone beeps; whether a page may listen is the context's to say.
        '--use-fake-device-for-media-stream',
      ],
    },
  },
})
