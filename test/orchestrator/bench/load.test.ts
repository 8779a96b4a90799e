// The producers of a load against embedded brokers that refuse batches.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { buildTemplate } from '../../../src/orchestrator/bench/batch-template.ts'
import { BenchClock } from '../../../src/orchestrator/bench/bench-clock.ts'
import { BenchCounts } from '../../../src/orchestrator/bench/bench-counts.ts'
import { fetchApi } from '../../../src/orchestrator/bench/fetch-request.ts'
import { Load } from '../../../src/orchestrator/bench/load.ts'
import { produceApi } from '../../../src/orchestrator/bench/produce-request.ts'
import { TargetReader } from '../../../src/orchestrator/bench/target-reader.ts'
import { TopicLeaders } from '../../../src/orchestrator/bench/topic-leaders.ts'
import { openClusterAdmin } from '../../../src/orchestrator/cluster/native-cluster-admin.ts'
import { openEmbeddedCluster } from '../../../src/orchestrator/cluster/native-mock-cluster.ts'
import { RequestClient } from '../../../src/orchestrator/cluster/native-request-client.ts'
import { errorTable } from '../../../src/orchestrator/errors/error-table.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { eventually } from '../../kafka/eventually.ts'

const partitions = 4
const records = 10

async function createLoad (t: TestContext) {
  const cluster = openEmbeddedCluster(2)
  cluster.createTopic({ name: 'load', partitions, replicationFactor: 1 })
  const end = {
    cluster: 'embedded', properties: { 'bootstrap.servers': cluster.bootstrapServers() }
  }
  const admin = openClusterAdmin(end)
  const client = new RequestClient(end, 'test')
  t.after(async () => {
    await Promise.all([admin.close(), client.close()])
    cluster.close()
  })
  const stopped = new AbortController().signal
  const createLeaders = () => new TopicLeaders(admin, 'load', partitions, systemClock, stopped)
  const leaders = createLeaders()
  await leaders.refresh()
  const clock = new BenchClock(systemClock)
  const counts = new BenchCounts()
  counts.countFromMs = 0
  const spec =
    { records, recordSize: 100, randomPercent: 0, codec: 'none', spanMs: 0 } as const
  const load = new Load({
    clients: [client], topic: 'load', leaders, templates: [buildTemplate(spec, 1)], intervalMs: 0,
    clock, counts, stopped
  })
  return { cluster, client, clock, counts, createLeaders, load }
}

describe('a load', () => {
  test('counts what the source accepts, and a reader finds exactly that', async t => {
    const { client, clock, counts, createLeaders, load } = await createLoad(t)
    await load.run({ startMs: 0, records: 400, endMs: Infinity })
    assert.deepEqual([load.acked, counts.published, counts.publishErrors], [400, 400, 0])
    const leaders = createLeaders()
    const reader = new TargetReader({ client, topic: 'load', leaders, clock, counts })
    reader.start(error => { assert.fail(String(error)) })
    await eventually('all records', () => counts.mirrored >= 400)
    await reader.close()
    assert.equal(reader.records, 400)
    assert.equal(counts.endToEndLatency.total.totalCount, 400)
  })

  // Regression: the leader of a new topic refused the batch of one partition, all batches of the
  // request counted as refused, and the probe of a mirror waited for records that were never
  // written.
  test('sends more after a refusal, and does not count what was refused', async t => {
    const { cluster, counts, load } = await createLoad(t)
    cluster.pushRequestErrors(
      { apiKey: produceApi.apiKey, codes: [errorTable.NOT_LEADER_OR_FOLLOWER.code] })
    await load.run({ startMs: 0, records: 400, endMs: Infinity })
    assert.ok(counts.publishErrors > 0)
    assert.equal(load.acked + counts.publishErrors, 400)
    await load.run({ startMs: 0, records: 400 - load.acked, endMs: Infinity })
    assert.equal(load.acked, 400)
    assert.equal(counts.published, 400)
  })

  test('ends with the error of a source that refuses everything', async t => {
    const { cluster, load } = await createLoad(t)
    cluster.pushRequestErrors({
      apiKey: produceApi.apiKey,
      codes: Array.from({ length: 200 }, () => errorTable.TOPIC_AUTHORIZATION_FAILED.code)
    })
    await assert.rejects(load.run({ startMs: 0, records: 1e6, endMs: Infinity }),
      { code: errorTable.TOPIC_AUTHORIZATION_FAILED.code })
  })
})

describe('a reader', () => {
  // Regression: a reader that knew no leader had nothing to wait for, and blocked the process.
  test('looks up the leaders before it reads, and continues after a refused Fetch', async t => {
    const { client, clock, cluster, counts, createLeaders, load } = await createLoad(t)
    await load.run({ startMs: 0, records: 40, endMs: Infinity })
    cluster.pushRequestErrors(
      { apiKey: fetchApi.apiKey, codes: [errorTable.NOT_LEADER_OR_FOLLOWER.code] })
    const leaders = createLeaders()
    const reader = new TargetReader({ client, topic: 'load', leaders, clock, counts })
    reader.start(error => { assert.fail(String(error)) })
    await eventually('all records', () => counts.mirrored >= 40)
    await reader.close()
    assert.equal(counts.mirrored, 40)
  })
})
