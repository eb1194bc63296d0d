// Makes what was picked ready to be sent: pictures smaller and without what the camera wrote into them, the length
// and a still of videos, the bars of voices. Everything happens in the browser.

import { peaksOf, scaled } from './figures'
import { BARS, VOICE_SECONDS_MAX } from './facts'
import { FILE, PICTURE, VIDEO, VOICE } from '@/net/media'
import type { Draft } from '@/net/types'
import type { Attachment } from '@/stores/outbox'

export interface Prepared {
  draft: Draft
  attachment: Attachment
}

/** Longest side of a sent picture: sharp on a full screen, and a tenth of what a phone's camera makes. */
const SIDE_MAX = 2_048
const QUALITY = 0.85
/** A lossless picture larger than this is sent with losses. */
const LOSSLESS_BYTES_MAX = 1024 * 1024
const POSTER_SIDE_MAX = 640
/** Longest side of the blurred preview that travels in the message, and its most characters. */
const BLUR_SIDE = 16
const BLUR_MAX = 1_000
/** A file that the browser cannot make sense of within this time is sent as it is. */
const PROBE_MS_MAX = 8_000
/** Longer recordings are sent as files. */
const VOICE_SLACK_SECONDS = 1

/** A picture or video by what it is, everything else as a file; likewise what cannot be decoded. */
export async function prepare(file: File, original: boolean): Promise<Prepared> {
  try {
    if (file.type.startsWith('image/') && file.type !== 'image/svg+xml') return await picture(file, original)
    if (file.type.startsWith('video/')) return await video(file)
  } catch {
    // Not what it says it is, or of a kind that this browser does not know.
  }
  return plain(file)
}

export function plain(file: File): Prepared {
  return {
    draft: { media: FILE, content: file.name, meta: { size: file.size, ...(file.type && { mime: file.type }) } },
    attachment: { file, name: file.name },
  }
}

async function picture(file: File, original: boolean): Promise<Prepared> {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' })
  try {
    const blur = tiny(bitmap, bitmap.width, bitmap.height)
    // Moving pictures would stand still. The server takes the camera's notes out of originals.
    const kept = original || file.type === 'image/gif'
    const size = kept ? { width: bitmap.width, height: bitmap.height } : scaled(bitmap.width, bitmap.height, SIDE_MAX)
    const bytes = kept ? file : await encode(draw(bitmap, size.width, size.height), file)
    return {
      draft: { media: PICTURE, meta: { w: size.width, h: size.height, ...(blur && { blur }) } },
      attachment: { file: bytes, name: named(file.name, bytes.type) },
    }
  } finally {
    bitmap.close()
  }
}

async function encode(canvas: HTMLCanvasElement, file: File): Promise<Blob> {
  if (file.type === 'image/jpeg') return blobOf(canvas, 'image/jpeg', QUALITY)
  const lossless = await blobOf(canvas, 'image/png')
  return lossless.size <= LOSSLESS_BYTES_MAX ? lossless : blobOf(canvas, 'image/webp', QUALITY)
}

function draw(source: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const pen = canvas.getContext('2d')
  if (!pen) throw new Error('no canvas')
  pen.imageSmoothingQuality = 'high'
  pen.drawImage(source, 0, 0, width, height)
  return canvas
}

function blobOf(canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(`cannot encode ${type}`))), type, quality)
  })
}

/** A few hundred bytes that look like the picture from far away. */
function tiny(source: CanvasImageSource, width: number, height: number): string | null {
  const size = scaled(width, height, BLUR_SIDE)
  const canvas = draw(source, size.width, size.height)
  const blur = canvas.toDataURL('image/webp', 0.5)
  return blur.length <= BLUR_MAX ? blur : null
}

const ENDS: Readonly<Record<string, string>> = { 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp', 'image/gif': 'gif' }

/** The file's name with the ending of what it has become. */
function named(name: string, type: string): string {
  const end = ENDS[type]
  return end ? `${name.replace(/\.\w{1,5}$/, '') || 'picture'}.${end}` : name
}

async function video(file: File): Promise<Prepared> {
  const url = URL.createObjectURL(file)
  const film = document.createElement('video')
  film.muted = true
  film.preload = 'auto'
  film.playsInline = true
  try {
    film.src = url
    await happened(film, 'loadedmetadata')
    const seconds = await lengthOf(film)
    film.currentTime = Math.min(0.5, seconds / 2)
    await happened(film, 'seeked')
    const { videoWidth: w, videoHeight: h } = film
    if (!w || !h) throw new Error('no picture in it')
    const size = scaled(w, h, POSTER_SIDE_MAX)
    const still = draw(film, size.width, size.height)
    const blur = tiny(still, size.width, size.height)
    return {
      draft: { media: VIDEO, content: file.name, amount: Math.round(seconds), meta: { w, h, size: file.size, ...(blur && { blur }) } },
      attachment: { file, name: file.name, poster: await blobOf(still, 'image/jpeg', QUALITY) },
    }
  } finally {
    film.removeAttribute('src')
    film.load()
    URL.revokeObjectURL(url)
  }
}

/** Recordings of a browser say that they last forever, until somebody has been at their end. */
async function lengthOf(film: HTMLVideoElement): Promise<number> {
  if (film.duration === Infinity) {
    film.currentTime = Number.MAX_SAFE_INTEGER
    await happened(film, 'seeked')
  }
  return Number.isFinite(film.duration) ? film.duration : film.currentTime
}

function happened(film: HTMLVideoElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const clock = setTimeout(() => reject(new Error(`no ${event}`)), PROBE_MS_MAX)
    film.addEventListener(event, () => (clearTimeout(clock), resolve()), { once: true })
    film.addEventListener('error', () => (clearTimeout(clock), reject(new Error('cannot be played'))), { once: true })
  })
}

/** The end of a recording's name says truly what it is. */
function voiceName(type: string): string {
  if (type.includes('mp4')) return 'voice.m4a'
  if (type.includes('ogg')) return 'voice.ogg'
  return type.includes('webm') ? 'voice.webm' : 'voice'
}

/** A recording with its bars and its true length; null if it is shorter than `least` seconds. */
export async function voice(recording: Blob, least: number): Promise<Prepared | null> {
  const sound = await decode(recording)
  if (sound.duration < least) return null
  if (sound.duration > VOICE_SECONDS_MAX + VOICE_SLACK_SECONDS) return plain(asFile(recording))
  return {
    draft: {
      media: VOICE,
      amount: Math.min(VOICE_SECONDS_MAX, Math.max(1, Math.round(sound.duration))),
      meta: { peaks: peaksOf(sound.getChannelData(0), BARS), mime: recording.type },
    },
    attachment: { file: recording, name: recording instanceof File ? recording.name : voiceName(recording.type) },
  }
}

function asFile(recording: Blob): File {
  return recording instanceof File ? recording : new File([recording], voiceName(recording.type), { type: recording.type })
}

async function decode(recording: Blob): Promise<AudioBuffer> {
  const context = new OfflineAudioContext(1, 1, 16_000)
  return context.decodeAudioData(await recording.arrayBuffer())
}
