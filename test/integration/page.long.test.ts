// The page, top and the support bundle of a real process on real clusters: a pause by the page
// stops a topic, and what the three show is the state of the process.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseTarGzip } from 'nanotar'
import { produce } from '../kafka/kafka-producer.ts'
import { chromiumPath, launchBrowser, openPage } from '../page/browser.ts'
import { untilRecords } from './comparison.ts'
import { numbered, untilShown } from './failures/fault-probe.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const token = 'a-token-of-24-characters'

test('a pause by the page stops a topic, and top and the support bundle show it', {
  skip: chromiumPath === undefined ? 'no Chromium: apt-get install chromium' : false,
  timeout: 240_000
}, async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('orders', { partitions: 2 })
  await produce(source.bootstrapServers, 'orders', numbered(0, 5, 0))
  const file = createPropertiesFile(t, flowProperties(clusters,
    { 'east->west.topics': 'orders', 'api.token': token }))
  const mirror = await startMirror(t, file)
  await untilRecords(mirror, target, 'east.orders', 5)
  const url = String(mirror.log.find(each => typeof each['url'] === 'string')?.['url'])

  const { errors, page } = await openPage(await launchBrowser(t), url)
  const shows = async (expression: string): Promise<void> => {
    await page.waitForFunction(expression, { timeout: 60_000, polling: 100 })
  }
  await shows(`document.getElementById('flow-name').innerText === 'east->west'`)
  await page.locator('button[aria-label="Pause orders"]').click()
  await page.locator('#order-token').fill(token)
  await page.locator('#order-reason').fill('ticket 17')
  await page.locator('#order-send').click()
  await untilShown(mirror, 'paused', 2)
  await shows(`document.querySelectorAll('#attention [data-state="paused"]').length === 2`)
  await shows(`document.getElementById('orders').innerText.includes('ticket 17')`)
  assert.deepEqual(errors(), [])

  const top = await runCommand(['top', file])
  assert.match(top.stdout, /east->west .* 2 paused/)
  const archive = join(dirname(file), 'bundle.tar.gz')
  const bundle = await runCommand(['support-bundle', file, '--to', archive])
  assert.equal(bundle.exit.code, 0, bundle.stderr)
  const parts = await parseTarGzip(readFileSync(archive))
  const partOf = (pattern: RegExp): string =>
    parts.find(({ name }) => pattern.test(name))?.text ?? ''
  assert.match(partOf(/processes\/.*\/metrics\.txt$/), /longhaul_partitions\{/)
  assert.match(partOf(/processes\/.*\/flows\.json$/), /ticket 17/)
  for (const { name, text } of parts) assert.ok(!text.includes(token), name)
})
