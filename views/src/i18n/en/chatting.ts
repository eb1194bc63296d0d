// What a conversation and the list say when they first show.
import chat from './chat'
import door from './door'
import list from './list'
import media from './media'

export default { ...door, ...chat, ...list, ...media }
