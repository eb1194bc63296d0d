// Pure.

const EMOJI = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f]|[0-9#*]\ufe0f?\u20e3|\s)+$/u
/** More than these are text again. */
const EMOJI_MAX = 3

/** A few emoji and nothing else: shown larger. */
export function isEmojiOnly(text: string): boolean {
  if (text.length > 64 || !EMOJI.test(text)) return false
  const marks = [...new Intl.Segmenter().segment(text.replace(/\s/g, ''))].length
  return marks > 0 && marks <= EMOJI_MAX
}
