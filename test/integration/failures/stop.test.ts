// SIGTERM in every state: the process ends within drain.timeout.ms + 2 s whatever its clusters do,
// and the next process loses and doubles nothing. A stop used to wait for calls to a target that
// did not answer: a minute, while Kubernetes kills after half of that.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { produce } from '../../kafka/kafka-producer.ts'
import { seriesOf } from '../../orchestrator/observability/exposition.ts'
import { untilRecords } from '../comparison.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type MirrorProcess, type Properties
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from '../sequence-load.ts'

const drainMs = 3_000
/** The promise is 2 s, which a busy machine cannot show. Who waits for a request waits 60 s. */
const closeMsMax = 30_000

const waiting = '{source="east",state="waiting",target="west"}'

describe('SIGTERM ends the process in time', { timeout: 400_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({ proxied: true }) })
  after(async () => { await clusters.close() })

  function createFile (t: TestContext, topic: string, more: Properties = {}): string {
    const { source, target } = clusters
    return createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': topic,
      'east.bootstrap.servers': source.proxiedBootstrapServers,
      'west.bootstrap.servers': target.proxiedBootstrapServers,
      'drain.timeout.ms': drainMs,
      ...more
    }))
  }

  async function assertEndsInTime (mirror: MirrorProcess, wantedCode: number): Promise<void> {
    const began = performance.now()
    const { code } = await mirror.stop()
    const tookMs = Math.round(performance.now() - began)
    assert.ok(tookMs < drainMs + closeMsMax, `the process ended after ${tookMs} ms`)
    assert.equal(code, wantedCode)
    const isDrained = mirror.log.find(({ text }) => text === 'stopped')?.['drained']
    assert.equal(isDrained, wantedCode === 0)
  }

  /** Stops under load while the target is in a fault; the next process mirrors what is left. */
  async function stopDuring (
    t: TestContext, topic: string, fault: () => void | Promise<void>,
    restore: () => void | Promise<void>
  ): Promise<void> {
    const { source, target } = clusters
    await source.createTopic(topic, { partitions: 2 })
    const file = createFile(t, topic)
    const mirror = await startMirror(t, file)
    const load = await SequenceLoad.start(t, source, topic, { partitions: 2 })
    await untilRecords(mirror, target, `east.${topic}`, 100)
    await fault()
    try {
      // Until the mirror has noticed, nothing may be in flight: then there is nothing to drain.
      await mirror.until('partitions that wait for the target', async () =>
        seriesOf(await mirror.metrics(), 'longhaul_partitions')[waiting] === 2)
      // 1: the target has not acknowledged what it was sent.
      await assertEndsInTime(mirror, 1)
      const line = mirror.log.find(({ text }) => text.includes('are left for the next start'))
      assert.equal(line?.['partitions'], 2)
    } finally {
      await restore()
    }
    const written = await load.stop()
    const next = await startMirror(t, file)
    await untilRecords(next, target, `east.${topic}`, written * 2)
    assert.equal((await next.stop()).code, 0)
    await assertEachOnceInOrder(target, `east.${topic}`, 2, written)
  }

  test('while the target does not answer', async t => {
    const [proxy] = clusters.target.proxies
    assert.ok(proxy !== undefined)
    await stopDuring(t, 'blackholed', () => { proxy.freeze() }, async () => {
      proxy.reset()
      await proxy.restore()
    })
  })

  test('while the target is down', async t => {
    const { target } = clusters
    await stopDuring(t, 'dead', async () => { await target.broker(1).kill() },
      async () => { await target.broker(1).start() })
  })

  test('while a flow starts against a cluster that does not answer', async t => {
    const [proxy] = clusters.target.proxies
    assert.ok(proxy !== undefined)
    proxy.freeze()
    try {
      const mirror = spawnMirror(t, createFile(t, 'never'))
      await mirror.untilLogged('the metrics address', ({ url }) => typeof url === 'string')
      await assertEndsInTime(mirror, 0)
    } finally {
      await proxy.restore()
    }
  })

  test('while a flow waits to be tried again beside one that runs', async t => {
    const { source, target } = clusters
    await source.createTopic('beside', { partitions: 1 })
    const mirror = spawnMirror(t, createFile(t, 'beside', {
      'clusters': 'east, west, gone',
      'gone.bootstrap.servers': '127.0.0.1:1',
      'gone->west.enabled': true
    }))
    await mirror.untilLogged('the flow that cannot start',
      ({ flow, level }) => flow === 'gone->west' && level === 'error')
    await produce(source.plainBootstrapServers, 'beside', [{ partition: 0, value: 'record' }])
    await untilRecords(mirror, target, 'east.beside', 1)
    const { code } = await mirror.stop()
    assert.equal(code, 0)
  })
})
