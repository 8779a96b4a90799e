// SIGTERM in every state: the process ends within drain.timeout.ms + 2 s whatever its clusters do,
// and the next process loses and duplicates no record. Regression: a stop waited a minute for calls
// to a target that did not answer, while Kubernetes kills after half a minute.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { apiKeyOf } from '../../kafka/request-heads.ts'
import { seriesOf } from '../../orchestrator/observability/exposition.ts'
import { untilRecords } from '../comparison.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type LogLine, type MirrorProcess,
  type Properties
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from '../sequence-load.ts'
import { measureLoad } from './machine-load.ts'
import { createFaults } from './process-faults.ts'

const partitions = 2
const drainMs = 3_000
/** The allowed time beyond drain.timeout.ms. */
const closeMs = 2_000
/** main.ts ends the process this long after the last line, if a client does not close. */
const lingerMs = 500

const flow = '{source="east",target="west"}'
const waiting = '{source="east",state="waiting",target="west"}'

const fetchKey = 1
const joinGroupKey = 11

/** For TcpProxy.hold: reads of progress, once a process has asked to join the flow's group. */
function progressReadsAfterJoin (): (head: Buffer) => boolean {
  let hasJoined = false
  return head => {
    if (apiKeyOf(head) === joinGroupKey) hasJoined = true
    return hasJoined && apiKeyOf(head) === fetchKey && head.includes('longhaul-progress')
  }
}

function timeOf (line: LogLine | undefined): number {
  assert.ok(line !== undefined)
  return new Date(line['time'] as string | number).getTime()
}

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

  /**
   * The log of the process shows when its stop began and ended. The delay of a busy machine is
   * measured: a program that does nothing is started and ended repeatedly meanwhile. The code of a
   * process that has batches in flight for a target that answers depends on how busy the machine
   * is: the caller then expects none.
   */
  async function assertEndsInTime (mirror: MirrorProcess, wantedCode?: number): Promise<void> {
    const load = measureLoad()
    const began = performance.now()
    const { code } = await mirror.stop()
    const tookMs = Math.round(performance.now() - began)
    const idleMs = await load.stop()
    if (wantedCode !== undefined) assert.equal(code, wantedCode)
    const ended = mirror.log.find(({ text }) => text === 'stopped')
    const begun = mirror.log.find(({ text }) => text.startsWith('stopping: '))
    assert.equal(ended?.['drained'], code === 0)
    // Regression: progress that could not be written was reported after this line.
    const late = mirror.log.slice(mirror.log.findLastIndex(line => line === ended) + 1)
    assert.deepEqual(late.filter(({ level }) => level === 'warn' || level === 'error'), [])
    const stopMs = timeOf(ended) - timeOf(begun)
    const took = `${stopMs} ms by its log, ${tookMs} ms in all; an idle program took ${idleMs} ms`
    assert.ok(stopMs <= drainMs + closeMs + idleMs, `the stop took ${took}`)
    const tookMsMax = drainMs + closeMs + lingerMs + 2 * idleMs
    assert.ok(tookMs <= tookMsMax, `the process ended after ${took}`)
  }

  /** The next process loses and duplicates no record. Ends the load. */
  async function assertNextMirrorsRest (
    t: TestContext, topic: string, load: SequenceLoad
  ): Promise<void> {
    const { target } = clusters
    const written = await load.stop()
    const next = await startMirror(t, createFile(t, topic, { 'drain.timeout.ms': 60_000 }))
    await untilRecords(next, target, `east.${topic}`, written * partitions)
    assert.equal((await next.stop()).code, 0)
    await assertEachOnceInOrder(target, `east.${topic}`, partitions, written)
  }

  /** Stops under load during a fault of the target; the next process mirrors the rest. */
  async function stopDuring (
    t: TestContext, topic: string, fault: () => void | Promise<void>,
    restore: () => void | Promise<void>
  ): Promise<void> {
    const { source, target } = clusters
    await source.createTopic(topic, { partitions })
    const file = createFile(t, topic)
    const mirror = await startMirror(t, file)
    const load = await SequenceLoad.start(t, source, topic, { partitions })
    await untilRecords(mirror, target, `east.${topic}`, 100)
    await fault()
    try {
      // Until the mirror has noticed the fault, no batch may be in flight: then there is nothing to
      // drain.
      await mirror.until('partitions that wait for the target', async () =>
        seriesOf(await mirror.metrics(), 'longhaul_partitions')[waiting] === partitions)
      // 1: the target has not acknowledged all sent batches.
      await assertEndsInTime(mirror, 1)
      const line = mirror.log.find(({ text }) => text.includes('are left for the next start'))
      assert.equal(line?.['partitions'], partitions)
    } finally {
      await restore()
    }
    await assertNextMirrorsRest(t, topic, load)
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

  // Regression: the lane drops the batches that it is about to send again, and the process ended
  // with exit code 1 although the target was back within drain.timeout.ms.
  test('while batches are sent again, once a target that is back has acknowledged them',
    async t => {
      const { source, target } = clusters
      await source.createTopic('returning', { partitions })
      const mirror = await startMirror(t,
        createFile(t, 'returning', { 'drain.timeout.ms': 120_000 }))
      const load = await SequenceLoad.start(t, source, 'returning', { partitions })
      await untilRecords(mirror, target, 'east.returning', 100)
      await target.broker(1).kill()
      try {
        await mirror.until('partitions that wait for the target', async () =>
          seriesOf(await mirror.metrics(), 'longhaul_partitions')[waiting] === partitions)
        void mirror.stop().catch(() => {})
        await mirror.untilLogged('the stop', ({ text }) => text.startsWith('stopping: '))
      } finally {
        await target.broker(1).start()
      }
      assert.deepEqual(await mirror.untilExit(), { code: 0, signal: null })
      await assertNextMirrorsRest(t, 'returning', load)
    })

  // The worker's JavaScript is blocked, its native threads continue: no slot can be revoked.
  test('while the lanes do not answer', async t => {
    const { source, target } = clusters
    const faults = createFaults(t)
    await source.createTopic('blocked', { partitions })
    const file = createFile(t, 'blocked')
    const mirror = await startMirror(t, file, [], faults.env)
    const load = await SequenceLoad.start(t, source, 'blocked', { partitions })
    await untilRecords(mirror, target, 'east.blocked', 100)
    faults.begin('block-lanes')
    await mirror.until('blocked lanes', () => faults.hasBegun('block-lanes'))
    await assertEndsInTime(mirror, 1)
    const line = mirror.log.find(({ text }) =>
      /^the lanes of 2 partitions.* do not answer/.test(text))
    assert.equal(line?.['partitions'], partitions)
    // Regression: the log blamed the target, which answers.
    assert.ok(!mirror.log.some(({ text }) => text.includes('has not acknowledged')))
    await assertNextMirrorsRest(t, 'blocked', load)
  })

  test('while a flow starts against a cluster that does not answer', async t => {
    const { source, target } = clusters
    const [proxy] = target.proxies
    assert.ok(proxy !== undefined)
    await source.createTopic('unstarted', { partitions })
    const file = createFile(t, 'unstarted')
    const load = await SequenceLoad.start(t, source, 'unstarted', { partitions })
    proxy.freeze()
    try {
      const mirror = spawnMirror(t, file)
      await mirror.untilLogged('the metrics address', ({ url }) => typeof url === 'string')
      await assertEndsInTime(mirror, 0)
    } finally {
      await proxy.restore()
    }
    await assertNextMirrorsRest(t, 'unstarted', load)
  })

  // A second process owns half of the slots, and reads their progress; no such read arrives.
  test('while it acquires slots that another process has released', async t => {
    const { source, target } = clusters
    const [proxy] = target.proxies
    assert.ok(proxy !== undefined)
    await source.createTopic('acquired', { partitions })
    const file = createFile(t, 'acquired')
    const first = await startMirror(t, file)
    const load = await SequenceLoad.start(t, source, 'acquired', { partitions })
    await untilRecords(first, target, 'east.acquired', 100)
    proxy.hold(progressReadsAfterJoin())
    try {
      const second = spawnMirror(t, file)
      await second.untilLogged('the metrics address', ({ url }) => typeof url === 'string')
      await second.until('owned slots', async () =>
        (seriesOf(await second.metrics(), 'longhaul_slots_owned')[flow] ?? 0) > 0)
      await second.until('held reads of progress', () => proxy.heldCount > 0)
      assert.deepEqual(second.log.filter(({ text }) => text === 'acquired slots'), [])
      await assertEndsInTime(second, 0)
      await assertEndsInTime(first)
    } finally {
      await proxy.release()
    }
    await assertNextMirrorsRest(t, 'acquired', load)
  })

  test('while a flow waits for a retry beside a running flow', async t => {
    const { source, target } = clusters
    await source.createTopic('beside', { partitions })
    const load = await SequenceLoad.start(t, source, 'beside', { partitions })
    const mirror = spawnMirror(t, createFile(t, 'beside', {
      'clusters': 'east, west, gone',
      'gone.bootstrap.servers': '127.0.0.1:1',
      'gone->west.enabled': true
    }))
    await mirror.untilLogged('the flow that cannot start',
      ({ flow, level }) => flow === 'gone->west' && level === 'error')
    await untilRecords(mirror, target, 'east.beside', 100)
    await assertEndsInTime(mirror)
    await assertNextMirrorsRest(t, 'beside', load)
  })
})
