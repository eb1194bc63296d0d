// The reference catalogue: its keys are the keys there are, and the compiler holds the other languages to them. The
// page loads its two parts by themselves.
import door from './door'
import inside from './inside'

const messages = { ...door, ...inside }

export type Key = keyof typeof messages
export type Messages = Readonly<Record<Key, string>>
export default messages satisfies Messages
