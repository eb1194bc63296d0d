// What surrounds a message's body: a padded bubble, one with a card whose last line leaves room for the time, a bubble
// that its picture fills to the edge, or nothing. Pure.

import { ARTICLE, CARD, FILE, LINK, LOCATION, MERGED, PACKET, PICTURE, STICKER, VIDEO, VOICE } from '@/net/media'
import type { Entry } from '@/net/types'

export type Frame = 'padded' | 'card' | 'flush' | 'bare'

export function frameOf({ media }: Entry): Frame {
  switch (media) {
    case PICTURE:
    case VIDEO:
    case PACKET:
      return 'flush'
    case STICKER:
      return 'bare'
    case VOICE:
    case FILE:
    case LINK:
    case ARTICLE:
    case CARD:
    case LOCATION:
    case MERGED:
      return 'card'
    default:
      return 'padded'
  }
}
