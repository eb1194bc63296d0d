// The reference catalogue, a file for each area of the page: its keys are the keys there are, and the compiler holds
// the other languages to them.
import app from './app'
import auth from './auth'
import chat from './chat'
import list from './list'
import contacts from './contacts'
import groups from './groups'
import profile from './profile'
import search from './search'
import cluster from './cluster'
import settings from './settings'
import media from './media'
import admin from './admin'

const messages = { ...app, ...auth, ...chat, ...list, ...contacts, ...groups, ...profile, ...search, ...cluster, ...settings, ...media, ...admin }

export type Key = keyof typeof messages
export type Messages = Readonly<Record<Key, string>>
export default messages satisfies Messages
