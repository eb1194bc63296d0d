import { textOf } from '@/i18n'

/** A sticker's name in the page's language; stickers of others keep their own. Reactive. */
export function stickerName(content: string): string {
  return textOf(`sticker.${content}`) ?? content
}
