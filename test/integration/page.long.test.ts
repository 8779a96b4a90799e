// The page, top and the support bundle of a real process on real clusters: a pause by the page
// stops a topic, a skip or a retry by the page ends a fault, a throttle by the page limits a flow,
// and what is shown is the state of the process.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseTarGzip } from 'nanotar'
import type { Page } from 'puppeteer-core'
import { produce } from '../kafka/kafka-producer.ts'
import { alterTopicConfig } from '../kafka/partition-operations.ts'
import { cellsOf, chromiumPath, inPage, launchBrowser, openPage } from '../page/browser.ts'
import { untilSameStates } from '../page/shown-states.ts'
import { untilRecords } from './comparison.ts'
import { numbered, skippedRecords, untilFaulted, untilShown } from './failures/fault-probe.ts'
import { createPropertiesFile, runCommand, startMirror, type MirrorProcess } from
  './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const token = 'a-token-of-24-characters'
const hourMs = 3_600_000
const inBrowser = {
  skip: chromiumPath === undefined ? 'no Chromium: apt-get install chromium' : false,
  timeout: 240_000
}

interface MirrorPage {
  readonly page: Page
  errors (): readonly string[]
  /** Resolves when an expression of the page is true. */
  shows (expression: string): Promise<void>
  /** The answer of the API to a path below that of the flow. */
  api<Answer> (path: string): Promise<Answer>
}

async function openPageOf (t: TestContext, mirror: MirrorProcess): Promise<MirrorPage> {
  const url = String(mirror.log.find(each => typeof each['url'] === 'string')?.['url'])
  const { errors, page } = await openPage(await launchBrowser(t), url)
  return {
    page,
    errors,
    shows: async expression => {
      await page.waitForFunction(expression, { timeout: 60_000, polling: 100 })
    },
    api: async <Answer>(path: string) =>
      await (await fetch(`${url}/api/v1/flows/east-%3Ewest${path}`)).json() as Answer
  }
}

/** Fills in the dialog that is open. The page keeps the token after the first order. */
async function sendOrder (page: Page, reason: string, isTokenAsked = false): Promise<void> {
  if (isTokenAsked) await page.locator('#order-token').fill(token)
  await page.locator('#order-reason').fill(reason)
  await page.locator('#order-send').click()
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

  const { errors, page, shows } = await openPageOf(t, mirror)
  await shows(`document.getElementById('flow-name').innerText === 'east->west'`)
  await page.locator('button[aria-label="Pause orders"]').click()
  await sendOrder(page, 'ticket 17', true)
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
  const { api, errors, page, shows } = await openPageOf(t, mirror)
  const { partitions: [faulted] } = await api<{
    partitions: ReadonlyArray<{ readonly reason: string, readonly skipTo: string | null }>
  }>('/partitions?state=faulted')
  assert.equal(faulted?.skipTo, '8')

  await page.locator('button[aria-label="Skip orders-0"]').wait()
  assert.deepEqual((await cellsOf(page, 'attention')).map(([name, state, , why]) =>
    [name, state, why]), [['orders-0', 'faulted', faulted.reason]])
  await page.locator('button[aria-label="Skip orders-0"]').click()
  await shows(`document.getElementById('order').open`)
  assert.equal(await inPage(page, `document.getElementById('order-to').value`), '8')
  await sendOrder(page, 'ticket 18: a clock was wrong', true)
  await untilRecords(mirror, target, 'east.orders', 19)
  await untilShown(mirror, 'faulted', 0)
  await shows(`document.getElementById('flow-state').innerText === 'running'`)
  await shows(`!document.getElementById('attention-none').hidden`)
  await shows(`document.getElementById('moves').innerText.includes('orders-0 faulted')`)
  assert.equal(await skippedRecords(mirror, 'orders', 'operator'), 1)
  assert.deepEqual(errors(), [])
})

test('a retry by the page ends a fault that is repaired, and a throttle limits the flow', {
  ...inBrowser
}, async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  const topic = 'large'
  await source.createTopic(topic, { partitions: 2 })
  await target.createTopic(`east.${topic}`,
    { partitions: 2, configs: { 'max.message.bytes': '2000' } })
  const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
    'east->west.topics': topic,
    'api.token': token,
    'sync.topic.configs.enabled': false,
    // Only an order causes a retry.
    'fault.retry.interval.ms': hourMs
  })))
  for (const value of ['small', 'x'.repeat(4000)]) {
    await produce(source.bootstrapServers, topic,
      [0, 1].map(partition => ({ value, partition })), { lingerMs: 0 })
  }
  await untilShown(mirror, 'faulted', 2)

  const { api, errors, page, shows } = await openPageOf(t, mirror)
  await untilSameStates(page, api)
  await alterTopicConfig(target, `east.${topic}`, { 'max.message.bytes': '100000' })
  await page.locator(`button[aria-label="Retry ${topic}-1"]`).click()
  await sendOrder(page, 'ticket 19: more room', true)
  await untilShown(mirror, 'caught-up', 1)
  // The other partition did not get the order.
  await untilShown(mirror, 'faulted', 1)
  await untilSameStates(page, api)
  assert.deepEqual((await cellsOf(page, 'attention')).map(([name]) => name), [`${topic}-0`])
  await page.locator('#flow-buttons ::-p-text(Retry faulted…)').click()
  await sendOrder(page, 'ticket 19: all others, too')
  await untilShown(mirror, 'caught-up', 2)
  await untilRecords(mirror, target, `east.${topic}`, 4)
  await untilSameStates(page, api)
  await shows(`document.getElementById('flow-state').innerText === 'running'`)

  interface Limited {
    readonly orders: {
      readonly throttle: { readonly bytesPerSecond: number, readonly reason: string } | null
    }
    readonly throttle: { readonly bytesPerSecond: number } | null
  }
  await page.locator('#flow-buttons ::-p-text(Throttle…)').click()
  await page.locator('#order-fields input[name="bytesPerSecond"]').fill('204800')
  await sendOrder(page, 'ticket 20')
  const { orders } = await mirror.until('the limit in the API', async () => {
    const flow = await api<Limited>('')
    return flow.throttle?.bytesPerSecond === 204_800 && flow
  })
  assert.equal(orders.throttle?.bytesPerSecond, 204_800)
  assert.equal(orders.throttle.reason, 'ticket 20')
  await shows(`/at most 205 kB\\/s.*ticket 20/s.test(document.getElementById('orders').innerText)`)
  await page.locator('#flow-buttons ::-p-text(Throttle…)').click()
  await page.locator('#order-fields input[name="file"]').click()
  await sendOrder(page, 'ticket 20 is over')
  await mirror.until('no limit in the API', async () =>
    (await api<Limited>('')).orders.throttle === null)
  await shows(`!document.getElementById('orders-none').hidden`)
  assert.deepEqual(errors(), [])
})
