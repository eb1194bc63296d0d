// Parts of a conversation that are loaded when they are first shown. Made once for the page, not with each conversation
// or row: what has come is there at once the next time.

import { defineAsyncComponent, h } from 'vue'
import { later } from '@/app/firstLook'

export const AttachPanel = defineAsyncComponent(() => import('@/features/media/AttachPanel.vue'))
export const ComposerBarred = defineAsyncComponent(() => import('./ComposerBarred.vue'))
export const ComposerTask = defineAsyncComponent(() => import('./ComposerTask.vue'))
export const DetailsDialog = defineAsyncComponent(() => import('./DetailsDialog.vue'))
export const DropOverlay = defineAsyncComponent(() => import('./DropOverlay.vue'))
export const EmojiPanel = defineAsyncComponent(() => import('@/features/media/EmojiPanel.vue'))
export const FailedLine = defineAsyncComponent(() => import('./FailedLine.vue'))
export const ForwardDialog = defineAsyncComponent(() => import('./ForwardDialog.vue'))
export const MentionList = defineAsyncComponent(() => import('./MentionList.vue'))
export const MessageMenu = defineAsyncComponent(() => import('./MessageMenu.vue'))
export const ReactionPicker = defineAsyncComponent(() => import('./ReactionPicker.vue'))
export const SelectionBar = defineAsyncComponent(() => import('./SelectionBar.vue'))
export const SendFiles = defineAsyncComponent(() => import('@/features/media/SendFiles.vue'))
export const ShareForm = defineAsyncComponent(() => import('@/features/media/ShareForm.vue'))
/** Its place is kept until it is there. */
export const VoiceTool = defineAsyncComponent({
  loader: () => later(() => import('@/features/media/VoiceTool.vue')),
  loadingComponent: () => h('span', { class: 'size-10 flex-none max-md:size-11' }),
  delay: 0,
})
