// Which page is where. Log-in and cluster are chunks of their own.

import { createRouter, createWebHistory } from 'vue-router'
import type { Router } from 'vue-router'
import { speakAll } from '@/i18n'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Reachable without a session. */
    open?: boolean
    /** Which entry of the navigation is current. */
    section?: 'chats' | 'contacts' | 'groups' | 'cluster' | 'settings'
    /** On a phone this page covers the list and the tabs. */
    detail?: boolean
  }
}

export function makeRouter(): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/login', name: 'login', component: () => import('@/features/auth/LoginPage.vue'), meta: { open: true } },
      { path: '/register', name: 'register', component: () => import('@/features/auth/RegisterPage.vue'), meta: { open: true } },
      {
        path: '/',
        component: shell,
        children: [
          { path: '', name: 'chats', component: () => import('@/features/chat/ChatTips.vue'), meta: { section: 'chats' } },
          {
            path: 'c/:kind(u|g)/:id(\\d+)',
            name: 'chat',
            component: () => within().then(({ ChatPage }) => ChatPage),
            meta: { section: 'chats', detail: true },
          },
          {
            path: 'contacts',
            name: 'contacts',
            component: whole(() => import('@/features/contacts/ContactTip.vue')),
            meta: { section: 'contacts' },
          },
          {
            path: 'contacts/:id(\\d+)',
            name: 'contact',
            component: whole(() => import('@/features/contacts/ContactPage.vue')),
            meta: { section: 'contacts', detail: true },
          },
          { path: 'groups', name: 'groups', component: whole(() => import('@/features/groups/GroupTip.vue')), meta: { section: 'groups' } },
          {
            path: 'groups/:id(\\d+)',
            name: 'group',
            component: whole(() => import('@/features/groups/GroupPage.vue')),
            meta: { section: 'groups', detail: true },
          },
          {
            path: 'groups/:id(\\d+)/members',
            name: 'members',
            component: whole(() => import('@/features/groups/MembersPage.vue')),
            meta: { section: 'groups', detail: true },
          },
          {
            path: 'join/:code',
            name: 'join',
            component: whole(() => import('@/features/groups/InvitePage.vue')),
            meta: { section: 'groups', detail: true },
          },
          {
            path: 'cluster',
            name: 'cluster',
            component: whole(() => import('@/features/cluster/ClusterPage.vue')),
            meta: { section: 'cluster', detail: true },
          },
          {
            path: 'admin',
            name: 'admin',
            component: whole(() => import('@/features/admin/AdminPage.vue')),
            // To everybody else there is no such page.
            beforeEnter: () => useSession().me?.admin === true || { path: '/' },
            meta: { section: 'settings', detail: true },
          },
          {
            path: 'settings',
            name: 'settings',
            component: whole(() => import('@/features/settings/SettingsPage.vue')),
            meta: { section: 'settings' },
          },
          {
            path: 'settings/profile',
            name: 'profile',
            component: whole(() => import('@/features/profile/ProfilePage.vue')),
            meta: { section: 'settings', detail: true },
          },
        ],
      },
      { path: '/:rest(.*)*', redirect: '/' },
    ],
  })

  router.beforeEach((to) => {
    const { status } = useSession()
    if (status === 'out' && !to.meta.open) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
    if (status === 'in' && to.meta.open) return { path: inside(to.query.next) }
    return true
  })
  return router
}

const within = () => import('@/app/inside')

const shell = async () => (await within()).Shell

/** A page that says more than a conversation does. */
function whole<T>(page: () => Promise<T>): () => Promise<T> {
  return async () => (await Promise.all([page(), speakAll()]))[0]
}

/** Where to go after log-in: only to a path of this page, never to another origin. */
export function inside(next: unknown): string {
  return typeof next === 'string' && /^\/(?!\/)/.test(next) ? next : '/'
}
