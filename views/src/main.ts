import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './app/App.vue'
import { makeRouter } from './routes'
import { useSession } from './stores/session'
import { useSettings } from './stores/settings'
import './styles/main.css'

// Not at the top level: the parts that it waits for import what is packed with it, and would wait for its end.
void begin()

async function begin(): Promise<void> {
  const app = createApp(App).use(createPinia())
  // Language and session first: neither raw keys nor a log-in form may flash.
  await Promise.all([useSettings().apply(), useSession().restore()])
  // Beside the pages, not after them.
  if (useSession().status === 'in') void import('./app/inside')
  const router = makeRouter()
  app.use(router)
  await router.isReady().catch(() => undefined)
  app.mount('#app')
}
