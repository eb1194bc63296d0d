// The number of unread messages on the page's icon.

const SIZE = 64
const PLAIN = '/favicon.svg'

function link(): HTMLLinkElement | null {
  return document.querySelector('link[rel="icon"]')
}

function set(href: string, type: string): void {
  const icon = link()
  if (icon) Object.assign(icon, { href, type })
}

let drawn: Promise<HTMLImageElement> | null = null
let latest = 0

function mark(): Promise<HTMLImageElement> {
  drawn ??= new Promise((resolve, reject) => {
    const image = new Image(SIZE, SIZE)
    image.onload = () => resolve(image)
    image.onerror = () => reject(new Error('no icon'))
    image.src = PLAIN
  })
  return drawn
}

/** Only the newest call counts: drawing waits for the picture. */
export async function badge(n: number): Promise<void> {
  const call = ++latest
  if (n === 0) return set(PLAIN, 'image/svg+xml')
  const image = await mark().catch(() => null)
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIZE
  const pen = canvas.getContext('2d')
  if (!pen || call !== latest) return
  if (image) pen.drawImage(image, 0, 0, SIZE, SIZE)
  pen.fillStyle = '#d3261c'
  pen.beginPath()
  pen.arc(SIZE - 20, 20, 20, 0, 2 * Math.PI)
  pen.fill()
  pen.fillStyle = '#fff'
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  pen.font = `600 ${n > 9 ? 24 : 30}px system-ui, sans-serif`
  pen.fillText(n > 99 ? '99' : String(n), SIZE - 20, 22)
  set(canvas.toDataURL('image/png'), 'image/png')
}
