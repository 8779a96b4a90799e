// The page in headless Chromium, over the API of a moving mirror: what it shows equals what the API
// answers, orders reach the API with the token, names are never markup, and an update of ten
// thousand partitions is cheap. LONGHAUL_SCREENSHOTS=FOLDER writes pictures of the page.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorByCode } from '../src/orchestrator/errors/error-table.ts'
import { token } from './orchestrator/api/create-api.ts'
import { cellsOf, launchBrowser, openPage, textOf } from './page/browser.ts'
import { createMovingMirror, type MovingMirror } from './page/moving-mirror.ts'

const screenshots = process.env['LONGHAUL_SCREENSHOTS']
const faultCode = 2040

const shop = [
  {
    source: 'frankfurt',
    target: 'sydney',
    topics: [
      { topic: 'orders', partitions: 48, recordsPerSecond: 52_000 },
      { topic: 'payments.eu', partitions: 24, recordsPerSecond: 18_400 },
      { topic: 'shipments', partitions: 24, recordsPerSecond: 9_100 },
      { topic: 'inventory', partitions: 12, recordsPerSecond: 0 },
      { topic: 'clicks', partitions: 96, recordsPerSecond: 121_000 }
    ]
  },
  {
    source: 'sydney',
    target: 'frankfurt',
    topics: [{ topic: 'orders.au', partitions: 12, recordsPerSecond: 6_200 }]
  },
  {
    source: 'oslo',
    target: 'sydney',
    topics: [{ topic: 'telemetry', partitions: 32, recordsPerSecond: 33_000 }]
  }
]

/** Steps that the page polls, so that its graphs have a line. */
async function live (mirror: MovingMirror, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await mirror.step(5)
    await new Promise(resolve => { setTimeout(resolve, 2_050) })
  }
}

test('pictures of the page', { skip: screenshots === undefined }, async t => {
  const mirror = await createMovingMirror(t, shop, [`api.token = ${token}`])
  const browser = await launchBrowser(t)
  await mirror.step(5)
  await mirror.step(5)
  const light = await openPage(browser, mirror.http.url, { height: 1000, scale: 1.5 })
  await live(mirror, 20)
  const reason = 'the target refuses a record: it is larger than max.message.bytes of the topic'
  mirror.set('orders', 7, { state: 'faulted', code: faultCode, reason })
  mirror.set('clicks', 31, { state: 'waiting', code: 0, reason: 'the source has no leader of it' })
  await live(mirror, 3)
  const picture = async (name: string): Promise<void> => {
    const path = join(screenshots ?? '', name) as `${string}.png`
    await light.page.screenshot({ path, fullPage: true })
  }
  await picture('page-light.png')
  await light.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
  await live(mirror, 1)
  await picture('page-dark.png')
  assert.deepEqual(light.errors(), [])
  assert.equal(errorByCode(faultCode).code, faultCode)
  assert.equal((await cellsOf(light.page, 'flows')).length, 3)
  assert.equal(await textOf(light.page, 'flow-name'), 'frankfurt->sydney')
})
