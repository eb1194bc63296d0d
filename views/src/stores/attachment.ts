// What an upload's answer adds to the message that it was made for. Pure.

import { PICTURE } from '../net/media'
import type { Draft, FileInfo } from '../net/types'

export function attached(draft: Draft, file: FileInfo, poster: FileInfo | null): Partial<Draft> {
  if (draft.media !== PICTURE) return { url: file.url, ...(poster && { pic: poster.url }) }
  // The server has looked at the bytes that everybody will get; sizes it could not tell stay as measured here.
  const { width, height } = file
  return {
    url: file.url,
    ...(file.thumb && { pic: file.thumb }),
    ...(width && height && { meta: { ...draft.meta, w: width, h: height } }),
  }
}
