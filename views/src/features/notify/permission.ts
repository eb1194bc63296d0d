// May this page show notifications? A question to the browser that nobody answers must not hang for ever.

export type Permission = 'granted' | 'denied' | 'default' | 'insecure' | 'missing'

const ANSWER_MS_MAX = 15_000

export function permission(): Permission {
  if (!window.isSecureContext) return 'insecure'
  return 'Notification' in window ? Notification.permission : 'missing'
}

/** Asks; only to be called when the reader has just done something that asks for it. `default`: no answer. */
export async function askPermission(ms = ANSWER_MS_MAX): Promise<Permission> {
  if (permission() !== 'default') return permission()
  const late = new Promise<void>((resolve) => setTimeout(resolve, ms))
  await Promise.race([Notification.requestPermission(), late])
  return permission()
}
