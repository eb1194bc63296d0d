import type { Messages } from '../zh-CN'
import app from './app'
import auth from './auth'
import chat from './chat'
import contacts from './contacts'
import groups from './groups'
import cluster from './cluster'
import settings from './settings'
import media from './media'
import admin from './admin'

export default { ...app, ...auth, ...chat, ...contacts, ...groups, ...cluster, ...settings, ...media, ...admin } satisfies Messages
