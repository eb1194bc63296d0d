// The icon of a file, by the end of its name.

import { File, FileArchive, FileCode, FileImage, FileMusic, FileSpreadsheet, FileText, FileVideo, Presentation } from '@lucide/vue'
import type { Component } from 'vue'

const KINDS: readonly [RegExp, Component][] = [
  [/^(zip|rar|7z|tar|gz|tgz|bz2|xz|zst)$/, FileArchive],
  [/^(png|jpe?g|gif|webp|bmp|svg|heic|avif|tiff?)$/, FileImage],
  [/^(mp3|wav|flac|ogg|m4a|aac|opus|amr)$/, FileMusic],
  [/^(mp4|webm|mov|mkv|avi|m4v)$/, FileVideo],
  [/^(xlsx?|csv|ods|numbers)$/, FileSpreadsheet],
  [/^(pptx?|odp|key)$/, Presentation],
  [/^(pdf|docx?|odt|txt|md|rtf|log|pages)$/, FileText],
  [/^(js|ts|vue|rs|py|go|c|h|cpp|java|kt|sh|json|toml|ya?ml|xml|html?|css|sql|proto)$/, FileCode],
]

export function extensionOf(name: string): string {
  return /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? ''
}

export function iconOf(name: string): Component {
  const extension = extensionOf(name)
  return KINDS.find(([kind]) => kind.test(extension))?.[1] ?? File
}
