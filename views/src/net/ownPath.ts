/** The path of a file of this server; null for other servers' files, which are never loaded by themselves. */
export function ownPath(url: string | null | undefined, origin: string): string | null {
  if (!url) return null
  if (/^\/(?![/\\])/.test(url)) return url
  if (!URL.canParse(url)) return null
  const { origin: theirs, pathname, search } = new URL(url)
  return theirs === origin ? pathname + search : null
}
