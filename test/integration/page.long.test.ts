// The page, top and the support bundle of a real process on real clusters: a pause by the page
// stops a topic, a skip by the page ends a fault, and what is shown is the state of the process.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseTarGzip } from 'nanotar'
import { produce } from '../kafka/kafka-producer.ts'
import { cellsOf, chromiumPath, inPage, launchBrowser, openPage } from '../page/browser.ts'
import { untilRecords } from './comparison.ts'
import { numbered, skippedRecords, untilFaulted, untilShown } from './failures/fault-probe.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const token = 'a-token-of-24-characters'
const hourMs = 3_600_000
const inBrowser = {
  skip: chromiumPath === undefined ? 'no Chromium: apt-get install chromium' : false,
  timeout: 240_000
}

test('a pause by the page stops a topic, and top and the support bundle show it', {
  ...inBrowser
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

test('a partition with a record that the target refuses runs again after a skip by the page', {
  ...inBrowser
}, async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  const bound = (hours: number): { configs: Record<string, string> } =>
    ({ configs: { 'message.timestamp.after.max.ms': String(hours * hourMs) } })
  await source.createTopic('orders', bound(1000))
  await target.createTopic('east.orders', bound(1))
  await produce(source.bootstrapServers, 'orders', numbered(0, 20).map((record, index) =>
    ({ ...record, timestamp: Date.now() + (index === 7 ? 48 * hourMs : 0) })), { lingerMs: 500 })
  const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
    'east->west.topics': 'orders', 'sync.topic.configs.enabled': false, 'api.token': token
  })))
  await untilFaulted(mirror, 'orders', 'RECORD_REFUSED')
  const url = String(mirror.log.find(each => typeof each['url'] === 'string')?.['url'])
  const { partitions: [faulted] } = await (await fetch(
    `${url}/api/v1/flows/east-%3Ewest/partitions?state=faulted`)).json() as {
    partitions: ReadonlyArray<{ readonly reason: string, readonly skipTo: string | null }>
  }
  assert.equal(faulted?.skipTo, '8')

  const { errors, page } = await openPage(await launchBrowser(t), url)
  const shows = async (expression: string): Promise<void> => {
    await page.waitForFunction(expression, { timeout: 60_000, polling: 100 })
  }
  await page.locator('button[aria-label="Skip orders-0"]').wait()
  assert.deepEqual((await cellsOf(page, 'attention')).map(([name, state, , why]) =>
    [name, state, why]), [['orders-0', 'faulted', faulted.reason]])
  await page.locator('button[aria-label="Skip orders-0"]').click()
  await shows(`document.getElementById('order').open`)
  assert.equal(await inPage(page, `document.getElementById('order-to').value`), '8')
  await page.locator('#order-token').fill(token)
  await page.locator('#order-reason').fill('ticket 18: a clock was wrong')
  await page.locator('#order-send').click()
  await untilRecords(mirror, target, 'east.orders', 19)
  await untilShown(mirror, 'faulted', 0)
  await shows(`document.getElementById('flow-state').innerText === 'running'`)
  await shows(`!document.getElementById('attention-none').hidden`)
  await shows(`document.getElementById('moves').innerText.includes('orders-0 faulted')`)
  assert.equal(await skippedRecords(mirror, 'orders', 'operator'), 1)
  assert.deepEqual(errors(), [])
})
