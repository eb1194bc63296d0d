// What a conversation and the list say when they first show.
import chat from './chat'
import door from './door'
import list from './list'

export default { ...door, ...chat, ...list }
