// The bodies of messages that are not text, by media. Until they have come their places are kept.

import { defineAsyncComponent } from 'vue'
import type { Component } from 'vue'
import PendingBody from './PendingBody.vue'
import { ARTICLE, CARD, FILE, LINK, LOCATION, MERGED, PACKET, PICTURE, STICKER, VIDEO, VOICE } from '@/net/media'

export const loadBodies = () => import('./bodies')

function body(name: keyof Awaited<ReturnType<typeof loadBodies>>): Component {
  return defineAsyncComponent({ loader: async () => (await loadBodies())[name], loadingComponent: PendingBody, delay: 0 })
}

const ArticleBody = body('ArticleBody')

export const BODIES: Readonly<Record<number, Component>> = {
  [ARTICLE]: ArticleBody,
  [VOICE]: body('VoiceBody'),
  [PICTURE]: body('PictureBody'),
  [PACKET]: body('PacketBody'),
  [STICKER]: body('StickerBody'),
  [LINK]: ArticleBody,
  [VIDEO]: body('VideoBody'),
  [CARD]: body('ContactBody'),
  [FILE]: body('FileBody'),
  [LOCATION]: body('LocationBody'),
  [MERGED]: body('MergedBody'),
}
