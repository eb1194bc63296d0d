// What somebody who is logged in sees first, as one part: it is loaded together, and ahead (see build/ahead.ts).

export { default as ChatPage } from '@/features/chat/ChatPage.vue'
export { default as SessionLife } from './SessionLife.vue'
export { default as Shell } from './Shell.vue'
