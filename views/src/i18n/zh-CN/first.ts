// What is said before the log-in, and what a conversation and the list say when they first show.
import app from './app'
import auth from './auth'
import chat from './chat'
import list from './list'

export default { ...app, ...auth, ...chat, ...list }
