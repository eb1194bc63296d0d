// What comes after the first look.
import contacts from './contacts'
import groups from './groups'
import profile from './profile'
import search from './search'
import cluster from './cluster'
import settings from './settings'
import media from './media'
import admin from './admin'

export default { ...contacts, ...groups, ...profile, ...search, ...cluster, ...settings, ...media, ...admin }
