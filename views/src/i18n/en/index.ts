import type { Messages } from '../zh-CN'
import app from './app'
import auth from './auth'
import chat from './chat'
import contacts from './contacts'
import groups from './groups'
import profile from './profile'
import search from './search'
import cluster from './cluster'
import settings from './settings'
import media from './media'

export default { ...app, ...auth, ...chat, ...contacts, ...groups, ...profile, ...search, ...cluster, ...settings, ...media } satisfies Messages
