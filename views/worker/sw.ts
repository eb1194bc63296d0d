// The service worker: keeps the files of one build, so that the page opens without a network, and shows notifications
// where a page may not. It never answers for the API or for files of messages.

/** Filled in by the build. */
declare const __STARLING_BUILD__: { version: string; files: string[] }

const { version, files } = __STARLING_BUILD__
// The library of types knows `self` as any kind of worker's.
const scope = self as unknown as ServiceWorkerGlobalScope
const PREFIX = 'starling-shell-'
const SHELL = PREFIX + version
const OWN = new Set(files)
/** Open tabs of the build before still ask for its files. */
const SHELLS_KEPT = 2
/** A page that takes longer is answered from what is kept. */
const PAGE_MS_MAX = 3_000
/** Paths that are no pages of the client. */
const NO_PAGES = ['/api/', '/files/', '/asset/', '/assets/', '/swagger', '/hooks/', '/user/', '/contact/', '/attach/']

scope.addEventListener('install', (event) => event.waitUntil(fill()))
scope.addEventListener('activate', (event) => event.waitUntil(tidy().then(() => scope.clients.claim())))

async function fill(): Promise<void> {
  const shell = await caches.open(SHELL)
  await Promise.all(
    files.map(async (path) => {
      const known = path.startsWith('/assets/') ? await caches.match(path) : undefined
      const answer = known ?? (await fetch(path, { cache: 'no-cache' }))
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
      await shell.put(path, answer)
    }),
  )
}

async function tidy(): Promise<void> {
  const shells = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== SHELL)
  const gone = shells.slice(0, Math.max(0, shells.length + 1 - SHELLS_KEPT))
  await Promise.all(gone.map((name) => caches.delete(name)))
}

scope.addEventListener('fetch', (event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== scope.location.origin) return
  if (request.mode === 'navigate') {
    if (isPage(pathname)) event.respondWith(page(request))
  } else if (OWN.has(pathname) || pathname.startsWith('/assets/')) event.respondWith(kept(request))
})

function isPage(pathname: string): boolean {
  const last = pathname.slice(pathname.lastIndexOf('/') + 1)
  return !last.includes('.') && !NO_PAGES.some((prefix) => pathname.startsWith(prefix))
}

/** From the server if it answers, so that a new build is seen at once. */
async function page(request: Request): Promise<Response> {
  const answer = await Promise.race([fetch(request).catch(() => null), rest(PAGE_MS_MAX)])
  if (answer && answer.status < 500) return answer
  const shell = await caches.open(SHELL)
  return (await shell.match('/index.html')) ?? answer ?? Response.error()
}

async function kept(request: Request): Promise<Response> {
  const shell = await caches.open(SHELL)
  return (await shell.match(request)) ?? (await caches.match(request)) ?? fetch(request)
}

function rest(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms))
}

scope.addEventListener('message', (event) => {
  // The reader has agreed to the new build.
  if (event.data === 'activate') void scope.skipWaiting()
})

scope.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(show(String((event.notification.data as { path?: unknown } | null)?.path ?? '/')))
})

async function show(path: string): Promise<void> {
  const [page] = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true })
  if (!page) {
    await scope.clients.openWindow(path)
    return
  }
  await page.focus()
  page.postMessage({ type: 'open', path })
}
