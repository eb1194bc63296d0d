// Splits text into plain parts and http(s) links. Rendering makes elements of the parts, never HTML of the text.

export interface Part {
  text: string
  href: string | null
}

/** An address ends where Chinese, Japanese or Korean text goes on without a space, as it usually does in chat. */
const URL_START = /https?:\/\/[^\s<>"'`\u2e80-\u9fff\uac00-\ud7ff\uff00-\uffef\u2018-\u201f\u200b-\u200f\u202a-\u202e]+/gi
/** Punctuation that ends a sentence rather than an address. */
const TAIL = /[.,;:!?*_~]+$/

export function linkParts(text: string): Part[] {
  const parts: Part[] = []
  let end = 0
  for (const match of text.matchAll(URL_START)) {
    const link = trim(match[0])
    if (!isAddress(link)) continue
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: null })
    parts.push({ text: link, href: link })
    end = match.index + link.length
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null })
  return parts
}

/** Cuts sentence ends and closing brackets that were opened before the link. */
function trim(link: string): string {
  let cut = link.replace(TAIL, '')
  for (const [open, close] of ['()', '[]', '{}']) {
    while (open && close && cut.endsWith(close) && count(cut, close) > count(cut, open)) {
      cut = cut.slice(0, -1).replace(TAIL, '')
    }
  }
  return cut
}

function count(text: string, mark: string): number {
  return text.split(mark).length - 1
}

function isAddress(link: string): boolean {
  return URL.canParse(link) && new URL(link).hostname !== ''
}
