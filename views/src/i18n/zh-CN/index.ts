// The reference catalogue, a file for each area of the page: its keys are the keys there are, and the compiler holds
// the other languages to them. The page itself loads the two parts.
import first from './first'
import rest from './rest'

const messages = { ...first, ...rest }

export type Key = keyof typeof messages
export type Messages = Readonly<Record<Key, string>>
export default messages satisfies Messages
