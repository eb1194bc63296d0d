// The reference catalogue, a file for each area of the page: its keys are the keys there are, and the compiler holds
// the other languages to them.
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
// Admins alone need these: they come with their page.
import type admin from './admin'

const messages = { ...app, ...auth, ...chat, ...contacts, ...groups, ...profile, ...search, ...cluster, ...settings, ...media }

export type Key = keyof typeof messages | keyof typeof admin
export type Messages = Readonly<Record<keyof typeof messages, string>>
export type AdminMessages = Readonly<Record<keyof typeof admin, string>>
export default messages satisfies Messages
