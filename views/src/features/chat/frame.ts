// What surrounds a message's body: a padded bubble, a bubble that its picture fills to the edge, or nothing. Pure.

import { PACKET, PICTURE, STICKER, VIDEO } from '@/net/media'
import type { Entry } from '@/net/types'

export type Frame = 'padded' | 'flush' | 'bare'

export function frameOf({ media }: Entry): Frame {
  switch (media) {
    case PICTURE:
    case VIDEO:
    case PACKET:
      return 'flush'
    case STICKER:
      return 'bare'
    default:
      return 'padded'
  }
}
