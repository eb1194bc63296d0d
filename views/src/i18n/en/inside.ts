// What is said behind the log-in, a file for each area of the page.
import chat from './chat'
import contacts from './contacts'
import groups from './groups'
import profile from './profile'
import search from './search'
import cluster from './cluster'
import settings from './settings'
import media from './media'
import admin from './admin'

export default { ...chat, ...contacts, ...groups, ...profile, ...search, ...cluster, ...settings, ...media, ...admin }
