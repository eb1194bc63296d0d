// A newer build of this page: found by the service worker, or by a part that is no longer on the server. The page is
// never reloaded by itself; somebody may be writing.

import { defineStore } from 'pinia'
import { ref } from 'vue'
import { servedPage } from '../net/http'

/** Beside the look at each return to the page and after each reconnect. */
/** The file that this is packed into, which the page of the same build names. */
const OWN_NAME = new URL(import.meta.url).pathname
const LOOK_EVERY_MS = 30 * 60_000

export const useUpdates = defineStore('updates', () => {
  const ready = ref(false)
  let registration: ServiceWorkerRegistration | undefined
  let agreed = false

  /** Without a secure origin there are no workers: the page is then always the server's newest. */
  async function begin(): Promise<void> {
    const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined
    if (!workers || import.meta.env.DEV) return
    const first = workers.controller === null
    workers.addEventListener('controllerchange', () => {
      if (agreed) location.reload()
      // Agreed to in another tab.
      else if (!first) ready.value = true
    })
    registration = await workers.register('/sw.js').catch(() => undefined)
    if (!registration) return
    await workers.ready
    ready.value = registration.waiting !== null
    registration.addEventListener('updatefound', () => {
      const fresh = registration?.installing
      fresh?.addEventListener('statechange', () => {
        if (fresh.state === 'installed' && workers.controller) ready.value = true
      })
    })
    setInterval(look, LOOK_EVERY_MS)
  }

  function look(): void {
    registration?.update().catch(() => undefined)
  }

  /** A part of this page could not be loaded: another build's server, unless there is none. */
  async function partMissing(): Promise<void> {
    const page = await servedPage()
    if (page !== null && !page.includes(OWN_NAME)) ready.value = true
  }

  function apply(): void {
    agreed = true
    const waiting = registration?.waiting
    if (waiting) waiting.postMessage('activate')
    else location.reload()
  }

  return { ready, begin, look, partMissing, apply }
})
