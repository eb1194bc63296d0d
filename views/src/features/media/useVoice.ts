// Recording a voice message: by holding the button on a touch screen, by pressing it twice elsewhere.

import { ref, shallowRef } from 'vue'
import type { Prepared } from './prepare'
import { useRecorder } from './recorder'
import type { MicTrouble } from './recorder'
import { t } from '@/i18n'
import { useNotices } from '@/stores/notices'
import { usePlayer } from '@/stores/player'

/** A finger that has moved up this far does not want to send. */
const CANCEL_PX = 80
const LEAST_SECONDS = 1

export function useVoice(send: (prepared: Prepared) => void) {
  const notices = useNotices()
  const player = usePlayer()
  const recorder = useRecorder(() => void finish())
  const held = ref(false)
  const cancelling = ref(false)
  const trouble = shallowRef<MicTrouble | null>(null)
  let from = 0

  async function begin(): Promise<void> {
    player.pause()
    if (await recorder.start()) return
    held.value = false
    trouble.value = recorder.trouble.value
  }

  async function finish(): Promise<void> {
    held.value = false
    cancelling.value = false
    // Not left to what was recorded: sent at once, that has no sound to measure.
    const short = recorder.lasted() < LEAST_SECONDS
    const recording = await recorder.stop()
    if (!recording) return
    if (short) notices.show(t('media.tooShort'))
    else await take(recording)
  }

  /** Sends a recording, wherever it was made. */
  async function take(recording: Blob): Promise<void> {
    const { voice } = await import('./prepare')
    try {
      const prepared = await voice(recording, LEAST_SECONDS)
      if (prepared) send(prepared)
      else notices.show(t('media.tooShort'))
    } catch {
      notices.show(t('media.notSound'))
    }
  }

  function cancel(): void {
    held.value = false
    cancelling.value = false
    recorder.cancel()
  }

  /** For `click`: a mouse, a key, or a screen reader's press. A finger has done its part by then. */
  function toggle(event: MouseEvent): void {
    if ((event as PointerEvent).pointerType === 'touch') return
    if (recorder.state.value === 'idle') void begin()
    else void finish()
  }

  function down(event: PointerEvent): void {
    if (event.pointerType !== 'touch' || recorder.state.value !== 'idle') return
    const button = event.currentTarget as HTMLElement
    button.setPointerCapture(event.pointerId)
    from = event.clientY
    held.value = true
    void begin()
  }

  function move(event: PointerEvent): void {
    if (held.value) cancelling.value = from - event.clientY > CANCEL_PX
  }

  function up(): void {
    if (!held.value) return
    // Still asking for the microphone: the finger went up to answer.
    if (cancelling.value || recorder.state.value !== 'recording') cancel()
    else void finish()
  }

  return { recorder, held, cancelling, trouble, toggle, down, move, up, cancel, finish, take }
}
