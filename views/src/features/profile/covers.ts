// Whether a picture hides everything behind the frame. Pure.

export interface Box {
  x: number
  y: number
  width: number
  height: number
}

/** Layout rounds to fractions of a pixel. */
const SLACK_PX = 0.5

export function covers(picture: Box, frame: Box): boolean {
  return (
    picture.x <= frame.x + SLACK_PX &&
    picture.y <= frame.y + SLACK_PX &&
    picture.x + picture.width >= frame.x + frame.width - SLACK_PX &&
    picture.y + picture.height >= frame.y + frame.height - SLACK_PX
  )
}
