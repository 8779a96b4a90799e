// A target without idempotent producers, like some services with Kafka's protocol: the broker does
// not support InitProducerId. No record is lost, the order is kept, and duplicates are reported.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  batchesOnTarget, crash, crashWithLateRequest, startLaggingMirror, topicCounter
} from '../integrity/crashed-mirror.ts'
import { eventually } from '../kafka/eventually.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { apiKeyOf } from '../kafka/request-heads.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import {
  createPropertiesFile, runCommand, spawnMirror, startMirror, type CleanUp, type MirrorProcess,
  type Properties
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { SequenceLoad } from './sequence-load.ts'

const fetchKey = 1
const initProducerIdKey = 22
const partitions = 2

describe('a target without idempotent producers', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  let target: Properties
  before(async () => {
    clusters = await startClusters({ proxied: true })
    for (const proxy of clusters.target.proxies) proxy.hideApis(initProducerIdKey)
    target = { 'west.bootstrap.servers': clusters.target.proxiedBootstrapServers }
  })
  after(async () => { await clusters.close() })

  function createFile (t: CleanUp, topic: string, more: Properties = {}): string {
    return createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': topic, 'progress.interval.ms': 500, ...target, ...more
    }))
  }

  // Fails if a flow without a producer id does not start, or if its batches have sequences.
  test('receives each record, in order, from processes that are killed under load', async t => {
    const { source } = clusters
    await source.createTopic('killed', { partitions })
    const file = createFile(t, 'killed')
    const load = await SequenceLoad.start(t, source, 'killed', { partitions })
    const upTo = async (mirror: MirrorProcess, more: number): Promise<void> => {
      await untilRecords(mirror, clusters.target, 'east.killed',
        (load.written + more) * partitions)
    }
    for (let life = 1; life <= 3; life++) {
      const killed = await startMirror(t, file)
      await upTo(killed, 200)
      await crash(clusters, killed)
      assertSaysOnce(killed)
    }
    const mirror = await startMirror(t, file)
    await upTo(mirror, 200)
    const written = await load.stop()
    await mirror.until('the last record', async () =>
      (await numbersOn('east.killed')).every(numbers => numbers.at(-1) === written - 1))
    const { series } = await mirror.metrics()
    assert.equal(series.get('longhaul_flow_exactly_once{source="east",target="west"}'), 0)
    const status = await runCommand(['status', file])
    assert.match(status.stdout, /at least once: west has no idempotent producers/)
    assert.equal((await mirror.stop()).code, 0)
    assertSaysOnce(mirror)
    for (const numbers of await numbersOn('east.killed')) {
      assert.deepEqual(inOrder(numbers), count(written))
    }
    for (const batch of batchesOnTarget(clusters, 'killed')) {
      assert.deepEqual([batch.producerId, batch.baseSequence], [-1n, -1])
    }
  })

  test('receives no duplicates from a process that was stopped by SIGTERM', async t => {
    const { source } = clusters
    await source.createTopic('stopped')
    const file = createFile(t, 'stopped')
    for (let life = 0; life < 3; life++) {
      const mirror = await startMirror(t, file)
      await produce(source.bootstrapServers, 'stopped', numbered(life * 50, life * 50 + 50),
        { batchRecordsMax: 10 })
      await untilRecords(mirror, clusters.target, 'east.stopped', life * 50 + 50)
      assert.equal((await mirror.stop()).code, 0)
    }
    assert.deepEqual((await numbersOn('east.stopped'))[0], count(150))
  })

  // The successor has scanned the target, and its first batch arrives late. Fails without
  // Outbox::CountLate (outbox.cc): the duplicates are on the target, and no log line or metric
  // shows them.
  test('has the duplicates of a delayed request counted and named', async t => {
    const { source, target: { proxies: [proxy] } } = clusters
    const [link] = source.proxies
    assert.ok(proxy !== undefined && link !== undefined)
    await source.createTopic('late')
    await produce(source.plainBootstrapServers, 'late', numbered(0, 30), { batchRecordsMax: 10 })
    await crashWithLateRequest(t, clusters, 'late', 2)
    assert.equal(await countRecords(clusters.target, 'east.late'), 20)
    link.hold(head => apiKeyOf(head) === fetchKey)
    // Not through the proxy, so that InitProducerId is supported: the flow stays without a producer
    // id.
    const mirror = await startLaggingMirror(t, clusters, 'late',
      { 'east.bootstrap.servers': source.proxiedBootstrapServers })
    // A lane fetches a partition only after the scan of its target has ended.
    await mirror.until('the scan of the target', () => link.heldCount === 1)
    await proxy.release()
    await eventually('the delayed request', async () =>
      await countRecords(clusters.target, 'east.late') === 30)
    await link.release()
    await untilRecords(mirror, clusters.target, 'east.late', 40)
    await mirror.until('the count of what is doubled', async () =>
      await topicCounter(mirror, 'records_doubled_total', 'late') === 10)
    await mirror.untilLogged('what is doubled', ({ text }) =>
      text.includes('up to 10 records from offset 20 on came in a delayed request'))
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual((await numbersOn('east.late'))[0], [...count(30), ...count(30).slice(20)])
  })

  test('is refused by a flow that keeps names in both directions', async t => {
    const mirror = spawnMirror(t, createFile(t, 'named', {
      'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy',
      'same.names.both.ways': true
    }))
    const line = await mirror.untilLogged('the refusal', ({ level }) => level === 'error')
    assert.match(JSON.stringify(line), /PRODUCER_ID_MISSING.*west has no idempotent producers/)
  })

  async function numbersOn (topic: string): Promise<number[][]> {
    const records = await readTopic(clusters.target.plainBootstrapServers, topic)
    return Array.from({ length: Math.max(...records.map(each => each.partition)) + 1 },
      (_, partition) => records.filter(each => each.partition === partition)
        .map(({ value }) => Number.parseInt(/\d+/.exec(String(value))?.[0] ?? '', 10)))
  }
})

function count (numbers: number): number[] {
  return Array.from({ length: numbers }, (_, number) => number)
}

/** Each number is above all numbers before it: all numbers, if none is missing or out of order. */
function inOrder (numbers: readonly number[]): number[] {
  const first: number[] = []
  for (const number of numbers) if (number > (first.at(-1) ?? -1)) first.push(number)
  return first
}

function assertSaysOnce (mirror: MirrorProcess): void {
  const lines = mirror.log.filter(line => JSON.stringify(line).includes('TARGET_NOT_IDEMPOTENT'))
  assert.deepEqual(lines.map(({ level }) => level), ['warn'])
}
