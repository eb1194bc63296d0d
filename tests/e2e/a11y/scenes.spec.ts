// Every page, menu and dialog, in both themes and languages, wide and on a phone, holds WCAG 2.2 AA as far as axe can tell.

import { Cluster } from '../cluster'
import { sample } from '../sample'
import type { Sample } from '../sample'
import { choose, SCENES, texts } from '../scenes'
import type { Language, Theme } from '../scenes'
import { DESK, expect, PHONE, test } from '../world'
import { violations } from './axe'

/** In the short run each theme, language and size comes up once. */
const COMBINATIONS: [theme: Theme, language: Language, size: 'desk' | 'phone', short: boolean][] = [
  ['light', 'zh-CN', 'desk', true],
  ['dark', 'en', 'phone', true],
  ['dark', 'zh-CN', 'desk', false],
  ['light', 'en', 'desk', false],
  ['dark', 'en', 'desk', false],
  ['light', 'zh-CN', 'phone', false],
  ['dark', 'zh-CN', 'phone', false],
  ['light', 'en', 'phone', false],
]
const SCENE_MS_MAX = 20_000
const SHORT = new Set(['login', 'list', 'members', 'new-menu', 'create-group', 'settings'])

let cluster: Cluster
let world: Sample

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000)
  cluster = await Cluster.start({ nodes: 3 })
  world = await sample(browser, [cluster.at(0), cluster.at(1), cluster.at(2)])
  await cluster.promote(world.me.name)
})

test.afterAll(async () => {
  await world?.close()
  await cluster?.close()
})

for (const [theme, language, size, short] of COMBINATIONS) {
  for (const reach of ['short', 'all'] as const) {
    if (reach === 'short' && !short) continue
    const tag = reach === 'short' ? '@smoke' : ''
    test(`axe finds nothing: ${reach} ${theme} ${language} ${size} M28 ${tag}`.trim(), async ({ browser }) => {
      test.setTimeout(SCENES.length * SCENE_MS_MAX)
      const phone = size === 'phone'
      const options = {
        viewport: phone ? PHONE : DESK,
        baseURL: world.me.base,
        isMobile: phone,
        hasTouch: phone,
        locale: language,
        permissions: ['microphone'],
        // Colours are judged when they have come to rest.
        reducedMotion: 'reduce' as const,
      }
      const inside = await world.open(browser, options)
      const outside = await (await browser.newContext(options)).newPage()
      for (const page of [inside, outside]) await choose(page, language, theme)
      for (const scene of SCENES) {
        if (scene.only !== undefined && scene.only !== size) continue
        if (reach === 'short' && !SHORT.has(scene.name)) continue
        const page = scene.outside === true ? outside : inside
        await test.step(scene.name, async () => {
          await scene.go({ page, sample: world, phone, t: texts(language) })
          expect.soft(await violations(page), scene.name).toEqual([])
        })
      }
      await inside.context().close()
      await outside.context().close()
    })
  }
}
