// The only broker that a lane's client of the source is connected to does not answer any more.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeLane, decodePartitions, openForwarder, openMockCluster
} from '../../src/dataplane/index.ts'
import { eventually } from '../kafka/eventually.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { assignments, forwarderConfig, topic, type CleanUp } from './create-forwarder.ts'

/** The longest round trip that a mock cluster accepts; the lane needs seconds. */
const hungMs = 60_000
/** Which broker librdkafka connects to by itself is left to chance, so several lanes are tried. */
const attempts = 6

// librdkafka connects only to brokers that it needs, and only if no broker is connected to any
// other one. Without connect_another() of kafka/raw_requests.c, a lane whose client waits for the
// hung broker could ask nobody for the new leader until it had closed the connection for its
// silence, and the Fetch on it had failed.
test('the new leader is learned while the connection to the hung broker is still open', async t => {
  await Promise.all(Array.from({ length: attempts }, async () => { await followNewLeader(t) }))
})

async function followNewLeader (t: CleanUp): Promise<void> {
  const topics = [{ name: topic, partitions: 1, replicationFactor: 1 }]
  const source = openMockCluster({ brokers: 2, topics })
  const target = openMockCluster({ brokers: 1, topics })
  source.setPartitionLeader({ topic, partition: 0, broker: 1 })
  const [first = '', second = ''] = source.bootstrapServers().split(',')
  const details = new Set<string>()
  const forwarder = openForwarder(forwarderConfig(first, target.bootstrapServers()), () => {
    for (const { detail } of forwarder.takeEvents().states) details.add(detail)
  })
  t.after(async () => {
    await forwarder.close()
    source.close()
    target.close()
  })
  const mirrored = (): bigint => decodePartitions(forwarder.stats(true))[0]?.upstreamOffset ?? 0n
  forwarder.assign(assignments().slice(0, 1))
  await produce(second, topic, [{ value: 'before', partition: 0 }])
  await eventually('the first record on the target', () => mirrored() === 1n)

  source.setBrokerRoundTrip({ broker: 1, milliseconds: hungMs })
  await eventually('a broker that hangs', () => details.has('source broker 1 does not answer'))
  source.setPartitionLeader({ topic, partition: 0, broker: 2 })
  await produce(second, topic, [{ value: 'after', partition: 0 }])
  await eventually('a record of the new leader on the target', () => mirrored() === 2n)
  // The lane closes the connection 5 s later. Then the Fetch that is not answered fails.
  assert.equal(decodeLane(forwarder.stats(true)).requestErrors, 0n)
}
