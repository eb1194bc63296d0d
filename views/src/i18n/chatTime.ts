// Times as a chat shows them: nearer means shorter.

export interface Words {
  yesterday: string
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatter(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language}${JSON.stringify(options)}`
  let made = formats.get(key)
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(language, options)))
  return made
}

/** Whole days between two moments in the reader's time zone. */
export function daysBetween(earlier: number, later: number): number {
  const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0)
  // Rounded, because a day of a clock change has 23 or 25 hours.
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000)
}

/** Hours and minutes, the same in all our languages: a formatter of `Intl` takes long to be made, and the first look needs no other. */
export function clock(at: number): string {
  const moment = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(moment.getHours())}:${two(moment.getMinutes())}`
}

/** The day: yesterday, a weekday within the last week, else the date. Empty for today. */
export function chatDay(at: number, now: number, language: string, words: Words): string {
  const days = daysBetween(at, now)
  if (days <= 0) return ''
  if (days === 1) return words.yesterday
  if (days < 7) return formatter(language, { weekday: language === 'en' ? 'short' : 'long' }).format(at)
  const thisYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  return formatter(language, { year: thisYear ? undefined : 'numeric', month: 'short', day: 'numeric' }).format(at)
}

/** For a row of the conversation list: the time today, before that only the day. */
export function chatTime(at: number, now: number, language: string, words: Words): string {
  return chatDay(at, now, language, words) || clock(at)
}

/** For a separator between messages: the day, and the time. */
export function separatorTime(at: number, now: number, language: string, words: Words): string {
  const day = chatDay(at, now, language, words)
  return day ? `${day} ${clock(at)}` : clock(at)
}

/** The moment in full, for tooltips. */
export function fullTime(at: number, language: string): string {
  return formatter(language, { dateStyle: 'long', timeStyle: 'medium', hourCycle: 'h23' }).format(at)
}

/** A month of a year. */
export function monthOf(at: number, language: string): string {
  return formatter(language, { year: 'numeric', month: 'long' }).format(at)
}

/** The date alone. */
export function dayOf(at: number, language: string): string {
  return formatter(language, { year: 'numeric', month: 'short', day: 'numeric' }).format(at)
}

/** A moment to come: the time if it is today, else the date with it. */
export function untilTime(at: number, now: number, language: string): string {
  return daysBetween(now, at) === 0 ? clock(at) : `${dayOf(at, language)} ${clock(at)}`
}
