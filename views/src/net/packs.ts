// Sticker packs: manifests under /asset/packs, the same that the old pages read.

import * as v from 'valibot'
import { request } from './http'

/** The packs that the server's `asset/packs` holds. */
const PACKS = ['birds', 'faces']

export interface Sticker {
  readonly url: string
  /** The name it is sent with. */
  readonly name: string
}

export interface Pack {
  readonly id: string
  readonly icon: string
  readonly stickers: readonly Sticker[]
}

const path = v.pipe(v.string(), v.regex(/^\/(?![/\\])/))
const manifest = v.object({ id: v.string(), icon: path, assets: v.array(path) })

/** `/asset/packs/birds/hello.svg` is `hello`. */
function nameOf(url: string): string {
  return url.split('/').at(-1)?.replace(/\.\w+$/, '') ?? url
}

export async function packs(): Promise<Pack[]> {
  const found = await Promise.all(PACKS.map((id) => request<unknown>('GET', `/asset/packs/${id}/info.json`)))
  return found.map((answer) => {
    const { id, icon, assets } = v.parse(manifest, answer)
    return { id, icon, stickers: assets.map((url) => ({ url, name: nameOf(url) })) }
  })
}
