// Invitation codes in what people paste. Pure.

/** 128 bits, as the server writes them. */
const CODE = /^[A-Za-z0-9_-]{16,64}$/
const LINK = /\/join\/([A-Za-z0-9_-]{16,64})\/?$/

/** The code in an invitation's link, or the text itself if it looks like one; null: neither. */
export function codeIn(text: string): string | null {
  const trimmed = text.trim()
  const linked = LINK.exec(trimmed.split(/[?#]/)[0] ?? '')?.[1]
  if (linked) return linked
  // Numbers and words are names and ids of groups.
  return CODE.test(trimmed) && /\d/.test(trimmed) && /[A-Za-z]/.test(trimmed) ? trimmed : null
}
