// The part of a text around its first hit, cut into hits and what is between them. Pure.

export interface Part {
  text: string
  hit: boolean
}

/** What stands before the first hit, so that it shows within two lines. */
const BEFORE = 16
const LENGTH_MAX = 160

export function excerpt(text: string, hits: readonly (readonly [number, number])[]): Part[] {
  const first = hits[0]?.[0] ?? 0
  const from = first > BEFORE ? wholeFrom(text, first - BEFORE) : 0
  const to = Math.min(text.length, from + LENGTH_MAX)
  const parts: Part[] = from > 0 ? [{ text: '…', hit: false }] : []
  let at = from
  for (const [start, end] of hits) {
    if (start < at || start >= to) continue
    if (start > at) parts.push({ text: text.slice(at, start), hit: false })
    at = Math.min(end, to)
    parts.push({ text: text.slice(start, at), hit: true })
  }
  if (at < to) parts.push({ text: text.slice(at, to), hit: false })
  return parts.map((part) => ({ ...part, text: part.text.replace(/\s+/g, ' ') }))
}

/** Not in the middle of a surrogate pair. */
function wholeFrom(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at
}

/** Where `words` stands in a name, for marking; the server does it for messages. */
export function partsOf(name: string, words: string): Part[] {
  const wanted = words.trim().toLocaleLowerCase()
  const at = wanted ? name.toLocaleLowerCase().indexOf(wanted) : -1
  return at < 0 ? [{ text: name, hit: false }] : excerpt(name, [[at, at + wanted.length]])
}
