// The coordinator of the flow's group hangs: it keeps its connections and does not answer. A single
// process continues, whatever the group's state; of several processes each partition flows again as
// soon as the group has another coordinator, long before the broker answers.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Broker } from '../../kafka/broker.ts'
import type { KafkaCluster } from '../../kafka/cluster.ts'
import { coordinatorOf } from '../../kafka/consumer-group.ts'
import { controllerOf } from '../../kafka/controller.ts'
import { eventually } from '../../kafka/eventually.ts'
import { moveLeader } from '../../kafka/partition-operations.ts'
import { LoadedFlow, untilOwned } from '../loaded-flow.ts'
import type { CleanUp } from '../mirror-process.ts'
import { startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { partitionsByLeader, untilAllMove } from './moving-partitions.ts'

const group = 'longhaul.east->west'
const offsetsTopic = '__consumer_offsets'
const partitions = 6

async function start (
  t: CleanUp, config: Readonly<Record<string, string>>
): Promise<MirroredClusters> {
  const clusters = await startClusters({}, { brokers: 3, config })
  t.after(async () => { await clusters.close() })
  return clusters
}

/**
 * The group's coordinator, moved to a broker that is not the controller: the controller must run.
 */
async function mustFindCoordinator (target: KafkaCluster): Promise<Broker> {
  const controller = await controllerOf(target)
  const coordinator = await coordinatorOf(target, group)
  if (coordinator !== controller) return coordinator
  const other = target.brokers.find(broker => broker !== controller)
  assert.ok(other)
  for (const partition of [0, 1]) await moveLeader(target, offsetsTopic, partition, other.id)
  return await eventually('a coordinator that is no controller', async () => {
    const moved = await coordinatorOf(target, group).catch(() => undefined)
    return moved === controller ? undefined : moved
  })
}

// At the same time: each test waits most of a minute, with clusters of its own.
describe('a coordinator that hangs', { timeout: 400_000, concurrency: true }, () => {
  // Regression: all partitions were stalled for 70 s of a hang of 75 s, though no data was on that
  // broker: the session ended, and the client asked the hanging broker for the coordinator.
  test('stops no partition of a single process, not even while the group has no coordinator',
    async t => {
      // The controller does not fence the broker, so the coordinator cannot move.
      const clusters = await start(t, { 'broker.session.timeout.ms': '120000' })
      const { target } = clusters
      const flow = await LoadedFlow.create(t, clusters, 'alone', { partitions }, {
        'metrics.per.partition': true,
        'replication.factor': 1,
        'progress.topic.replication.factor': 1
      })
      const mirror = await flow.start()
      await flow.more(mirror)
      const coordinator = await mustFindCoordinator(target)
      const { others } = await partitionsByLeader(
        coordinator, target, flow.remoteTopic, partitions)
      coordinator.pause()
      try {
        // A part of the next line about the cluster, if that has a problem with a line.
        await mirror.untilLogged('the end of the session', ({ text }) =>
          text.includes('keeps all slots'), 75_000)
        for (let look = 0; look < 5; look++) await untilAllMove([mirror], others)
      } finally {
        coordinator.continue()
      }
      await flow.more(mirror)
      assert.deepEqual(mirror.log.filter(({ text }) => text === 'handed over slots'), [])
      await flow.finish(mirror)
      assert.equal((await mirror.stop()).code, 0)
    })

  test('stops one of two until it has joined again, while the broker still hangs', async t => {
    const clusters = await start(t, {})
    const flow = await LoadedFlow.create(t, clusters, 'shared', { partitions },
      { 'metrics.per.partition': true })
    const first = await flow.start()
    await flow.more(first)
    const second = await flow.start()
    await untilOwned(first, 3)
    await untilOwned(second, 3)
    await flow.more(second)
    const coordinator = await mustFindCoordinator(clusters.target)
    const { others } = await partitionsByLeader(
      coordinator, clusters.target, flow.remoteTopic, partitions)
    coordinator.pause()
    try {
      await eventually('another coordinator', async () => {
        const other = await coordinatorOf(clusters.target, group).catch(() => undefined)
        return other !== undefined && other !== coordinator
      }, { intervalMs: 500 })
      for (let look = 0; look < 3; look++) await untilAllMove([first, second], others)
    } finally {
      coordinator.continue()
    }
    await flow.finish(first)
    assert.equal((await first.stop()).code, 0)
    assert.equal((await second.stop()).code, 0)
  })
})
