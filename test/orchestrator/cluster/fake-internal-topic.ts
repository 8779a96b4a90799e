// An internal topic of MirrorMaker 2 on a fake cluster, for tests of the duties that write it.
import assert from 'node:assert/strict'
import { InternalTopic } from '../../../src/orchestrator/cluster/internal-topic.ts'
import type { InternalRecord } from '../../../src/orchestrator/mirror-maker/internal-records.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

export interface FakeInternalTopic {
  readonly cluster: FakeCluster
  /** The records that were written. */
  readonly written: InternalRecord[]
  /** The next writes fail with these errors. */
  readonly failures: Error[]
  /** `closed` for each close of the writer. */
  readonly events: string[]
  readonly topic: InternalTopic
  readonly named: {
    readonly topic: string, readonly replicationFactor: number, readonly cluster: string
  }
}

/** `cluster` is the alias of the cluster in errors. */
export function createInternalTopic (name: string, cluster: string): FakeInternalTopic {
  const fake = new FakeCluster()
  const written: InternalRecord[] = []
  const failures: Error[] = []
  const events: string[] = []
  const topic = new InternalTopic({
    name,
    replicationFactor: 3,
    admin: fake.admin(),
    openWriter: () => ({
      write: async records => {
        const failure = failures.shift()
        if (failure !== undefined) throw failure
        for (const { key, partition, value } of records) {
          assert.equal(partition, 0)
          assert.ok(value !== null)
          written.push({ key, value })
        }
      },
      close: async () => { events.push('closed') }
    }),
    clock: new ManualClock()
  })
  const named = { topic: name, replicationFactor: 3, cluster }
  return { cluster: fake, written, failures, events, topic, named }
}
