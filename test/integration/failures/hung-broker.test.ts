// A broker hangs: it keeps its connections, its kernel acknowledges every byte, and the broker does
// not answer. Only the partitions that it leads are stalled, and only until another broker leads
// them. Regression: all 24 partitions were stalled as long as a target broker hung, because its
// batches filled the lanes.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { slotOf } from '../../../src/orchestrator/progress/task-slots.ts'
import type { Broker } from '../../kafka/broker.ts'
import type { KafkaCluster } from '../../kafka/cluster.ts'
import { coordinatorOf } from '../../kafka/consumer-group.ts'
import { controllerOf } from '../../kafka/controller.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { seriesOf } from '../../orchestrator/observability/exposition.ts'
import { untilRecords } from '../comparison.ts'
import { LoadedFlow } from '../loaded-flow.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { numbered } from './fault-probe.ts'
import { partitionsByLeader, untilAllMove } from './moving-partitions.ts'

const partitions = 24
const progressTopic = 'longhaul-progress.east.internal'
const every = Array.from({ length: partitions }, (_, partition) => partition)
const waiting = '{source="east",state="waiting",target="west"}'
const load = { partitions, codec: 'none', recordBytes: 500 } as const
const properties = {
  // Full within seconds: the partitions of the hanging broker alone receive more than this
  // meanwhile.
  'in.flight.bytes.max': 2 * 1024 * 1024,
  'metrics.per.partition': true
}

/** A broker that is neither the controller nor the coordinator of the flow's group. */
async function mustFindOther (target: KafkaCluster): Promise<Broker> {
  const busy = [await controllerOf(target), await coordinatorOf(target, 'longhaul.east->west')]
  const other = target.brokers.find(broker => !busy.includes(broker))
  assert.ok(other)
  return other
}

describe('a broker that hangs', { timeout: 400_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({ brokers: 3 }, { brokers: 3 }) })
  after(async () => { await clusters.close() })

  async function startFlow (
    t: CleanUp, topic: string, replicationFactor: number
  ): Promise<{ readonly flow: LoadedFlow, readonly mirror: MirrorProcess }> {
    const flow = await LoadedFlow.create(t, clusters, topic, load,
      { ...properties, 'replication.factor': replicationFactor })
    const mirror = await flow.start()
    await flow.more(mirror)
    return { flow, mirror }
  }

  test('of the target, stops only its partitions, which continue after the hang', async t => {
    const { target } = clusters
    const { flow, mirror } = await startFlow(t, 'single', 1)
    const hung = await mustFindOther(target)
    const { led, others } = await partitionsByLeader(
      hung, target, flow.remoteTopic, partitions)
    hung.pause()
    try {
      await mirror.until('partitions that wait', async () =>
        seriesOf(await mirror.metrics(), 'longhaul_partitions')[waiting] === led.length)
      for (let look = 0; look < 10; look++) await untilAllMove([mirror], others)
      // The other two brokers answer, so the cluster counts as answering.
      assert.ok(!mirror.log.some(({ text }) => String(text).includes('has not answered')))
    } finally {
      hung.continue()
    }
    await flow.finish(mirror)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('of the target, stops no partition that another broker now leads', async t => {
    const { target } = clusters
    const { flow, mirror } = await startFlow(t, 'moved', 3)
    const hung = await mustFindOther(target)
    const { others } = await partitionsByLeader(hung, target, flow.remoteTopic, partitions)
    hung.pause()
    try {
      await untilAllMove([mirror], others)
      // While the broker still hangs.
      for (let look = 0; look < 5; look++) await untilAllMove([mirror], every)
    } finally {
      hung.continue()
    }
    await flow.finish(mirror)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('of the source, is left as soon as another broker leads its partitions', async t => {
    const { source, target } = clusters
    const topic = 'read'
    await source.createTopic(topic, { partitions })
    const write = async (bootstrapServers: string): Promise<void> => {
      await produce(bootstrapServers, topic,
        every.flatMap(partition => numbered(0, 10, partition)))
    }
    const mirror = await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { ...properties, 'east->west.topics': topic })))
    await write(source.plainBootstrapServers)
    await untilRecords(mirror, target, `east.${topic}`, 10 * partitions)
    const controller = await controllerOf(source)
    const hung = source.brokers.find(broker => broker !== controller)
    assert.ok(hung)
    const healthy = source.plainBootstrapServers.split(',')
      .filter((_, index) => source.brokers[index] !== hung).join()
    hung.pause()
    try {
      // The producer waits until other brokers lead the partitions.
      await Promise.all([untilAllMove([mirror], every), write(healthy)])
    } finally {
      hung.continue()
    }
    await untilRecords(mirror, target, `east.${topic}`, 20 * partitions)
    assert.equal((await mirror.stop()).code, 0)
  })

  // Regression: partitions of a slot whose progress could not be read were absent from the metrics.
  // The last test here, because its progress topic has one replica.
  test('of the target, delays the slots whose progress it leads, and no others', async t => {
    const { target } = clusters
    const slots = 4
    const flow = await LoadedFlow.create(t, clusters, 'unread', load,
      { ...properties, 'replication.factor': 3, 'task.slots': slots, 'admin.timeout.ms': 5_000 })
    const hung = await mustFindOther(target)
    const well = target.brokers.find(broker => broker !== hung)
    assert.ok(well)
    await target.admin.deleteTopic(progressTopic)
    const assignment = Array.from({ length: slots }, (_, slot) => slot % 2 === 0 ? well : hung)
    await target.runTool('org.apache.kafka.tools.TopicCommand', ['--create', '--topic',
      progressTopic, '--replica-assignment', assignment.map(({ id }) => id).join(),
      '--config', 'cleanup.policy=compact'])
    const first = await flow.start()
    await flow.more(first)
    assert.equal((await first.stop()).code, 0)
    hung.pause()
    try {
      const second = await flow.start()
      const isUnread = (partition: number): boolean => slotOf('unread', partition, slots) % 2 === 1
      await second.until('partitions that wait', async () =>
        seriesOf(await second.metrics(), 'longhaul_partitions')[waiting] ===
          every.filter(isUnread).length)
      await untilAllMove([second], every.filter(partition => !isUnread(partition)))
      const reason = await second.untilLogged('why they wait', ({ level, text }) =>
        level === 'warn' && text.includes('PROGRESS_UNREADABLE'))
      assert.match(reason.text, new RegExp(progressTopic))
      // Two slots are still being acquired.
      assert.equal((await second.stop()).code, 0)
    } finally {
      hung.continue()
    }
    const third = await flow.start()
    await flow.finish(third)
    assert.equal((await third.stop()).code, 0)
  })
})
