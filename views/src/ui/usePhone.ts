// Whether one pane is shown at a time. The width is the `md` breakpoint of styles/main.css.

import { createSharedComposable, useMediaQuery } from '@vueuse/core'

export const usePhone = createSharedComposable(() => useMediaQuery('(max-width: 767.98px)'))
