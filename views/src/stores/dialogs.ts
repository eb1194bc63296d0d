// Which of the shell's dialogs is open. They are reached from the list, from empty lists and from pages.

import { defineStore } from 'pinia'
import { ref } from 'vue'

export type DialogName = 'addFriend' | 'createGroup' | 'joinGroup'

export const useDialogs = defineStore('dialogs', () => ({ open: ref<DialogName | null>(null) }))
