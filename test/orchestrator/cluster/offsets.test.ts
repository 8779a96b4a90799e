// The starts and ends of logs: in the order of the request, and requested again while brokers do
// not know the leaders.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type {
  ClusterAdmin, ListedOffset, WantedOffset
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { listLogs } from '../../../src/orchestrator/cluster/offsets.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'

type Admin = Pick<ClusterAdmin, 'listOffsets' | 'listTopics'>

/** Each log starts at its partition and ends at ten times that; `errorOf` may refuse instead. */
function fakeAdmin (errorOf: (wanted: WantedOffset) => ReplicatorError | undefined): Admin {
  return {
    listTopics: async () => [],
    listOffsets: async wanted => wanted.map((each): ListedOffset => {
      const offset = BigInt(each.at === 'earliest' ? each.partition : each.partition * 10)
      const { partition, topic } = each
      return { topic, partition, offset, timestamp: -1n, leaderEpoch: 0, error: errorOf(each) }
    })
  }
}

const partitions = [{ topic: 'orders', partition: 2 }, { topic: 'orders', partition: 1 }]

describe('listLogs', () => {
  test('returns start and end of each log in the order of the request', async () => {
    const logs = await listLogs(fakeAdmin(() => undefined), partitions)
    const offsets = logs.map(({ end, start }) => [start.offset, end.offset])
    assert.deepEqual(offsets, [[2n, 20n], [1n, 10n]])
  })

  test('asks again where a broker was not yet the leader', async () => {
    let refusals = 0
    const logs = await listLogs(fakeAdmin(({ at, partition }) => {
      const isFirst = at === 'latest' && partition === 1 && refusals++ === 0
      return isFirst ? new ReplicatorError('NOT_LEADER_OR_FOLLOWER', 'orders-1') : undefined
    }), partitions)
    assert.equal(refusals, 2)
    assert.deepEqual(logs.map(({ end }) => end.error), [undefined, undefined])
    assert.equal(logs[1]?.end.offset, 10n)
  })

  test('returns the error of a log that its broker refuses, beside the others', async () => {
    const refused = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', 'orders-2')
    const logs = await listLogs(fakeAdmin(({ partition }) =>
      partition === 2 ? refused : undefined), partitions)
    assert.deepEqual(logs.map(({ start }) => start.error), [refused, undefined])
  })
})
