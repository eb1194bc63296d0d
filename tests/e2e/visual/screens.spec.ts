// Pictures of every scene, for people to look at: `scripts/screenshots` runs this. It proves nothing and is no test.

import path from 'node:path'
import { Cluster } from '../cluster'
import { sample } from '../sample'
import type { Sample } from '../sample'
import { choose, SCENES, texts } from '../scenes'
import type { Language, Theme } from '../scenes'
import { DESK, PHONE, test } from '../world'
import { useFont } from './font'

const FOLDER = process.env.STARLING_SCREENSHOTS ?? ''
const ONLY = new RegExp(process.env.STARLING_SCENES ?? '.')
const LANGUAGES: Language[] = process.env.STARLING_LANGUAGE === 'en' ? ['en'] : ['zh-CN']
const SCENE_MS_MAX = 20_000
const THEMES: Theme[] = ['light', 'dark']

let cluster: Cluster
let world: Sample

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000)
  cluster = await Cluster.start({ nodes: 3, nginx: true })
  world = await sample(browser, [cluster.url])
  await cluster.promote(world.me.name)
})

test.afterAll(async () => {
  await world?.close()
  await cluster?.close()
})

for (const [size, viewport] of [[1280, DESK], [375, PHONE]] as const) {
  for (const theme of THEMES) {
    for (const language of LANGUAGES) {
      test(`${size} ${theme} ${language}`, async ({ browser }) => {
        test.setTimeout(SCENES.length * SCENE_MS_MAX)
        const phone = size === 375
        const options = {
          viewport,
          baseURL: cluster.url,
          deviceScaleFactor: phone ? 2 : 1,
          reducedMotion: 'reduce' as const,
          isMobile: phone,
          hasTouch: phone,
          locale: language,
          permissions: ['microphone'],
          // The font comes in by a style of the test's.
          bypassCSP: true,
        }
        const inside = await world.open(browser, options)
        const outside = await (await browser.newContext(options)).newPage()
        for (const page of [inside, outside]) {
          await choose(page, language, theme)
          await useFont(page)
        }
        for (const scene of SCENES) {
          if (!ONLY.test(scene.name) || (scene.only !== undefined && scene.only !== (phone ? 'phone' : 'desk'))) continue
          const page = scene.outside === true ? outside : inside
          await test.step(scene.name, async () => {
            await scene.go({ page, sample: world, phone, t: texts(language) })
            await page.waitForLoadState('networkidle')
            await page.evaluate(() => document.fonts.ready)
            const suffix = language === 'en' ? '-en' : ''
            await page.screenshot({ path: path.join(FOLDER, `${scene.name}-${size}-${theme}${suffix}.png`), caret: 'hide' })
          })
        }
        await inside.context().close()
        await outside.context().close()
      })
    }
  }
}
