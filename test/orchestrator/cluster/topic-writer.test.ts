// The writer of Longhaul's compacted topics, on a mock cluster whose broker answers as the test
// sets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { openMockCluster, type MockCluster } from '../../../src/dataplane/index.ts'
import { TopicReader } from '../../../src/orchestrator/cluster/topic-reader.ts'
import { TopicWriter } from '../../../src/orchestrator/cluster/topic-writer.ts'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { systemClock, type Clock } from '../../../src/orchestrator/time/clock.ts'

interface CleanUp {
  after (hook: () => Promise<void>): void
}

const topic = 'positions'
const produceKey = 0
const notLeader = 6
const outOfOrder = 45

function createWriter (
  t: CleanUp, clock: Clock = systemClock, timeoutMs = 10_000
): {
  readonly cluster: MockCluster
  readonly writer: TopicWriter
  readonly write: (...values: readonly string[]) => Promise<readonly bigint[]>
  readonly valuesOnRecord: () => Promise<readonly string[]>
} {
  const cluster = openMockCluster(
    { brokers: 1, topics: [{ name: topic, partitions: 1, replicationFactor: 1 }] })
  const client = {
    cluster: 'west', properties: { 'bootstrap.servers': cluster.bootstrapServers() }
  }
  const writer = new TopicWriter({ topic, client, timeoutMs, clock })
  const reader = new TopicReader(
    { topic, client, group: 'longhaul.test', standstillMs: 10_000, clock: systemClock })
  t.after(async () => {
    await Promise.all([writer.close(), reader.close()])
    cluster.close()
  })
  return {
    cluster,
    writer,
    write: async (...values) => await writer.write(values.map(value =>
      ({ partition: 0, key: Buffer.from('key'), value: Buffer.from(value) }))),
    valuesOnRecord: async () => {
      const values: string[] = []
      await reader.read(0, undefined, (_key, value) => { values.push(String(value)) })
      return values
    }
  }
}

// Regression: after an unclean election the new leader may lack the producer's last records. The
// idempotent producer then raised a fatal error and was never reopened: no progress until a
// restart.
test('a write that the broker rejects as out of order fails alone', async t => {
  const { cluster, valuesOnRecord, write } = createWriter(t)
  await write('first')
  cluster.pushRequestErrors({ apiKey: produceKey, codes: [outOfOrder] })
  await assert.rejects(write('refused'), (error: ReplicatorError) =>
    error.errorName === 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.deepEqual(await write('last'), [1n])
  assert.deepEqual(await valuesOnRecord(), ['first', 'last'])
})

// Regression: the write had waited for the connection of the producer that close() closed, and then
// polled it: an exception that nobody caught, which ended the process.
test('a writer that is closed while a write opens its producer refuses the write', async t => {
  const { write, writer } = createWriter(t)
  const refused = assert.rejects(write('first'), (error: ReplicatorError) =>
    error.errorName === 'CLOSED')
  await setImmediate()
  await Promise.all([refused, writer.close()])
})

// Regression: each outage of a cluster that hangs counted HEARTBEATS_REFUSED as an error, because
// librdkafka's error for a late record is not one that it retries.
test('a write that is not acknowledged in time may be tried again', async t => {
  const { cluster, write } = createWriter(t, systemClock, 3_000)
  await write('first')
  cluster.setBrokerRoundTrip({ broker: 1, milliseconds: 20_000 })
  await assert.rejects(write('late'), (error: ReplicatorError) => {
    assert.ok(error.retriable, error.message)
    return true
  })
})

// The newest record of a key counts, so a record that is sent again must not follow a later one.
// Regression: it did, with one request in flight, because librdkafka had prepared the next request.
test('records that are sent again keep their order', async t => {
  const { cluster, valuesOnRecord, write } = createWriter(t)
  await write('first')
  // Each write is a separate request, begun while the earlier ones are unanswered.
  cluster.setBrokerRoundTrip({ broker: 1, milliseconds: 200 })
  cluster.pushRequestErrors({ apiKey: produceKey, codes: [notLeader] })
  await Promise.all(['second', 'third', 'fourth'].map(async (value, index) => {
    await systemClock.sleep(index * 50)
    await write(value)
  }))
  assert.deepEqual(await valuesOnRecord(), ['first', 'second', 'third', 'fourth'])
})

// Regression: the loop that polls for acknowledgements continued while the producer was being
// closed. poll() then throws, outside of any write: SIGTERM while the target hung ended the process
// with that error.
test('an unanswered write fails at the end of the writer, alone', async t => {
  const { cluster, write, writer } = createWriter(t)
  await write('first')
  cluster.setBrokerRoundTrip({ broker: 1, milliseconds: 60_000 })
  const unanswered = assert.rejects(write('second'), (error: ReplicatorError) =>
    error.errorName === 'TIMED_OUT' && /not acknowledged before/.test(error.message))
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => { unhandled.push(reason) }
  process.on('unhandledRejection', onUnhandled)
  t.after(async () => { process.off('unhandledRejection', onUnhandled) })
  await systemClock.sleep(50) // so that the loop runs
  await writer.close()
  await unanswered
  await systemClock.sleep(50)
  assert.deepEqual(unhandled, [])
})

// Regression: a busy target broker acknowledges after seconds, and a poll every ten milliseconds
// was then half of the work of the main thread.
test('the later an acknowledgement comes, the less often the writer polls for it', async t => {
  let looks = 0
  const { cluster, write } = createWriter(t, {
    ...systemClock,
    sleep: async (ms, signal) => {
      looks += 1
      await systemClock.sleep(ms, signal)
    }
  })
  await write('first')
  cluster.setBrokerRoundTrip({ broker: 1, milliseconds: 1_000 })
  looks = 0
  await write('second')
  assert.ok(looks > 5 && looks < 40, `looked ${looks} times in a second`)
})

test('a write after the end is refused, and the writer may be closed twice', async () => {
  const writer = new TopicWriter({
    topic, client: { cluster: 'west', properties: {} }, timeoutMs: 100, clock: systemClock
  })
  await writer.close()
  await writer.close()
  await assert.rejects(writer.write([{ partition: 0, key: Buffer.of(1), value: null }]),
    (error: ReplicatorError) => error.errorName === 'CLOSED')
})
