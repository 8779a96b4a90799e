// Which partitions a fault of a chaos run excuses.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ExcuseBook } from '../../perf/chaos/excuse-book.ts'
import type { Excuse } from '../../perf/chaos/liveness.ts'
import { allPartitions, loadedTopics } from '../../perf/chaos/numbered-load.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'

const partitions = allPartitions(loadedTopics)

/** Kills the first of the processes, which mirror these partitions; undefined: does not say. */
async function excusesOfKill (
  ...owned: ReadonlyArray<ReadonlySet<string> | undefined>
): Promise<readonly Excuse[]> {
  // A fault of a process asks no cluster.
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
  // It was killed a second after the group had assigned slots to it, when it mirrored nothing yet.
  // What stood still until the group saw that it was dead counted as beyond what faults excuse.
  test('excuses what no other process mirrors, whether it had begun that or not', async () => {
    const [first = '', ...others] = partitions
    const excuses = await excusesOfKill(new Set(), new Set(others))
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set([first])])
  })

  // The other process had been frozen for longer than its session, and drained what it had mirrored
  // before: its metrics still named those partitions. What the killed process mirrored of them
  // counted as beyond what faults excuse until the group had assigned it to others.
  test('excuses what it mirrors, also if another process still drains that', async () => {
    const [first = '', second = ''] = partitions
    const excuses = await excusesOfKill(new Set([first, second]), new Set(partitions))
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set([first, second])])
  })

  test('excuses nothing that another process mirrors', async () => {
    const excuses = await excusesOfKill(new Set(), new Set(partitions))
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set()])
  })

  test('excuses everything when the other processes say nothing', async () => {
    const excuses = await excusesOfKill(new Set(), undefined)
    assert.deepEqual(excuses.map(excuse => excuse.partitions), [new Set(partitions)])
  })
})
