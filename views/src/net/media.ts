// The kinds of message, by their number on the wire. 100 and above are a client's own.

export const TEXT = 1
export const ARTICLE = 2
export const VOICE = 3
export const PICTURE = 4
export const PACKET = 5
export const STICKER = 6
export const LINK = 7
export const VIDEO = 8
export const CARD = 9
export const FILE = 10
export const LOCATION = 11
/** Several messages forwarded as one; this client's own. */
export const MERGED = 103
