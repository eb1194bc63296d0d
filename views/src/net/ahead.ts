// Answers that `asset/public/first.js` asked for while the page's scripts were on their way. Each is taken once; later
// questions are asked anew.

declare global {
  interface Window {
    starlingAhead?: Record<string, Promise<Response> | undefined>
  }
}

/** Beyond this an answer is old: nobody has wanted it while the page began. */
const AGE_MS_MAX = 10_000

export function takeAhead(question: string): Promise<Response> | undefined {
  const answers = window.starlingAhead
  const answer = answers?.[question]
  if (answers) answers[question] = undefined
  return performance.now() < AGE_MS_MAX ? answer : undefined
}

/** Whether answers are on their way that nobody has taken. */
export function isAhead(): boolean {
  return window.starlingAhead !== undefined && performance.now() < AGE_MS_MAX
}
