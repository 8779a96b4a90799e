// docs/stretch-cluster.md with its file: one cluster in three halls, of which the closest is lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { documentedFile } from './documented-file.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'

const partitions = 3
const selector = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'

test('behind a stretch cluster: the closest hall is read, or the others if it fails', async t => {
  const [campus, archive] = await Promise.all([
    startKafkaCluster(undefined, {
      brokers: 3,
      config: { 'replica.selector.class': selector },
      configOf: id => ({ 'broker.rack': `hall-${id}` })
    }),
    startKafkaCluster()
  ])
  t.after(async () => { await Promise.all([campus.close(), archive.close()]) })
  await campus.createTopic('orders', { partitions, configs: { 'min.insync.replicas': '2' } })
  const write = async (from: number, to: number): Promise<void> => {
    await produce(campus.bootstrapServers, 'orders', Array.from({ length: partitions },
      (_, partition) => numbered(from, to, partition)).flat())
  }
  let written = 50
  const writeMore = async (): Promise<void> => {
    await write(written, written + 50)
    written += 50
    await untilRecords(mirror, archive, 'campus.orders', written * partitions)
  }
  await write(0, written)
  const mirror = await startMirror(t,
    createPropertiesFile(t, documentedFile('stretch-cluster.md', [campus, archive])))
  // Until the lane is connected to the broker of the replica, it reads from the leader. One write
  // at that time was mirrored without a byte from a follower, and the test waited for ever.
  await mirror.until('bytes from followers', async () => {
    await writeMore()
    return Object.values(seriesOf(await mirror.metrics(), 'longhaul_follower_bytes_total'))
      .some(bytes => bytes > 0)
  })
  await campus.broker(2).kill()
  await writeMore()
  assert.equal((await mirror.stop()).code, 0)
  const records = await readTopic(archive.bootstrapServers, 'campus.orders')
  for (let partition = 0; partition < partitions; partition++) {
    assert.deepEqual(records.filter(record => record.partition === partition)
      .map(({ value }) => String(value)), numbered(0, written).map(({ value }) => value))
  }
})
