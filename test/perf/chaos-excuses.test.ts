// Which partitions a fault of a chaos run excuses.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ExcuseBook } from '../../perf/chaos/excuse-book.ts'
import type { Excuse } from '../../perf/chaos/liveness.ts'
import { allPartitions, loadedTopics } from '../../perf/chaos/numbered-load.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'

const partitions = allPartitions(loadedTopics)

/** Kills the first of the processes, which mirror these partitions; undefined: not reported. */
async function excusesOfKill (
  ...owned: ReadonlyArray<ReadonlySet<string> | undefined>
): Promise<readonly Excuse[]> {
  // A fault of a process sends no request to a cluster.
  const none = {} as KafkaCluster
  const members = owned.map(of => ({ owned: async () => await Promise.resolve(of) }))
  const book = new ExcuseBook(
    { source: none, target: none, members, group: undefined, nowMs: () => 0 })
  await book.begin({
    atMs: 0, fault: 'process-kill', subject: { kind: 'process', index: 1 }, lastsMs: 1
  }, undefined)
  return book.excuses
}

describe('a process that is killed', () => {
  // Regression: it was killed a second after the group had assigned slots to it, when it mirrored
  // no partition yet. Partitions that were stalled until the group detected its death counted as
  // unexplained.
  test('excuses partitions that no other process mirrors, even before it begins them', async () => {
    const [first = '', ...others] = partitions
    const excuses = await excusesOfKill(new Set(), new Set(others))
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set([first])])
  })

  // Regression: the other process had been frozen for longer than its session, and drained its
  // earlier partitions, which were still in its metrics. Those of the killed process among them
  // counted as unexplained until the group had assigned them to others.
  test('excuses its partitions, even if another process still drains them', async () => {
    const [first = '', second = ''] = partitions
    const excuses = await excusesOfKill(new Set([first, second]), new Set(partitions))
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set([first, second])])
  })

  test('excuses no partition that another process mirrors', async () => {
    const excuses = await excusesOfKill(new Set(), new Set(partitions))
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set()])
  })

  test('excuses everything if the other processes do not report', async () => {
    const excuses = await excusesOfKill(new Set(), undefined)
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set(partitions)])
  })
})
