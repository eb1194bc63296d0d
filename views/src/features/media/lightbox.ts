// The pictures of a conversation over the whole page, with zoom and swipe. Loaded when the first one is opened.

import PhotoSwipe from 'photoswipe'
import 'photoswipe/style.css'
import { sizeIn } from './box'
import { t } from '@/i18n'
import { PICTURE } from '@/net/media'
import { ownPath } from '@/net/ownPath'
import type { Entry } from '@/net/types'
import { useMessages } from '@/stores/messages'

/** Of pictures whose sender did not say how large they are. */
const UNKNOWN = { width: 1_200, height: 900 }

export async function openPictures(entry: Entry, tile: HTMLElement | null): Promise<void> {
  const shown = useMessages()
    .listOf(entry.conv)
    .map((message) => message.entry)
    .filter((one) => one.media === PICTURE && !one.recalled && ownPath(one.url, location.origin) !== null)
  const pictures = shown.some((one) => one.seq === entry.seq) ? shown : [entry]
  showPictures(pictures, pictures.findIndex((one) => one.seq === entry.seq), tile)
}

/** `locate`: shows one of them where it was said. */
export function showPictures(pictures: readonly Entry[], index: number, tile: HTMLElement | null, locate?: (entry: Entry) => void): void {
  const thumb = tile?.querySelector<HTMLImageElement>('img:not([src^="data:"])') ?? undefined
  const lightbox = new PhotoSwipe({
    dataSource: pictures.map((one) => {
      const { width, height } = sizeIn(one.meta) ?? UNKNOWN
      const src = ownPath(one.url, location.origin) ?? ''
      return { src, width, height, msrc: ownPath(one.pic, location.origin) ?? src, alt: t('media.picture') }
    }),
    index,
    loop: false,
    bgOpacity: 0.97,
    returnFocus: false,
    showHideAnimationType: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'none' : 'zoom',
    closeTitle: t('common.close'),
    zoomTitle: t('media.zoom'),
    arrowPrevTitle: t('media.previous'),
    arrowNextTitle: t('media.next'),
    errorMsg: t('media.pictureLost'),
  })
  // Only the picture that was opened grows out of its tile.
  if (thumb) lightbox.addFilter('thumbEl', (found, _data, at) => (at === index ? thumb : (found ?? null)) as HTMLElement)
  lightbox.on('uiRegister', () => {
    registerDownload(lightbox)
    if (locate) registerLocate(lightbox, leaveFor)
  })
  lightbox.on('firstUpdate', () => lightbox.element?.setAttribute('aria-label', t('media.pictures')))
  // PhotoSwipe neither listens nor closes before it is open.
  let leaving = false
  const leaveFor = (at: number) => {
    leaving = true
    lightbox.on('destroy', () => pictures[at] && locate?.(pictures[at]))
    lightbox.close()
  }
  const early = (event: KeyboardEvent) => (leaving ||= event.key === 'Escape')
  document.addEventListener('keydown', early)
  lightbox.on('openingAnimationEnd', () => {
    document.removeEventListener('keydown', early)
    if (leaving) lightbox.close()
  })
  lightbox.on('destroy', () => {
    document.removeEventListener('keydown', early)
    // It takes its own place in the page away after this.
    setTimeout(() => tile?.focus({ preventScroll: true }))
  })
  lightbox.init()
}

function registerLocate(lightbox: PhotoSwipe, leaveFor: (at: number) => void): void {
  lightbox.ui?.registerElement({
    name: 'locate',
    order: 7,
    isButton: true,
    tagName: 'button',
    title: t('media.showInChat'),
    html: {
      isCustomSVG: true,
      inner: '<path d="M8 9h16v11H14l-4 4v-4H8V9zm2 2v7h12v-7H10z" id="pswp__icn-locate"/>',
      outlineID: 'pswp__icn-locate',
    },
    onClick: () => leaveFor(lightbox.currIndex),
  })
}

function registerDownload(lightbox: PhotoSwipe): void {
  lightbox.ui?.registerElement({
    name: 'download',
    order: 8,
    isButton: true,
    tagName: 'a',
    title: t('media.download'),
    html: {
      isCustomSVG: true,
      inner: '<path d="M20.500 14.300 17.100 18V10h-2.200v7.900l-3.400-3.600L10 15.700l6 6.300 6-6.200zM23 23H9v2h14z" id="pswp__icn-download"/>',
      outlineID: 'pswp__icn-download',
    },
    onInit: (element) => {
      const link = element as HTMLAnchorElement
      link.setAttribute('download', '')
      lightbox.on('change', () => {
        link.href = lightbox.currSlide?.data.src ?? ''
      })
    },
  })
}
