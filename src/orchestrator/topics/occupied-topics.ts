// Remote topics with records that no progress of the flow accounts for: their partitions would stop
// with TARGET_NOT_EMPTY. For commands that report it before a flow starts.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listLogs } from '../cluster/offsets.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { partitionKey, type TopicPartition } from '../progress/progress.ts'
import type { PlannedTopic, TopicProblem } from './topic-plan.ts'

interface Occupied {
  readonly partition: number
  readonly start: bigint
  readonly end: bigint
}

/** `onRecord`: the source partitions that have a position. */
export async function occupiedTopics (
  topics: readonly PlannedTopic[], target: ClusterAdmin, onRecord: Iterable<TopicPartition>
): Promise<readonly TopicProblem[]> {
  const known = new Set([...onRecord].map(partitionKey))
  const looked = topics.flatMap(({ remoteTopic, sourcePartitions, targetPartitions, topic }) =>
    Array.from({ length: Math.min(sourcePartitions, targetPartitions) },
      (_, partition) => ({ topic, remoteTopic, partition }))
      .filter(each => !known.has(partitionKey(each))))
  if (looked.length === 0) return []
  const logs = await listLogs(target,
    looked.map(({ partition, remoteTopic }) => ({ topic: remoteTopic, partition })))
  const occupied = new Map<PlannedTopic['topic'], Occupied[]>()
  for (const [i, { partition, topic }] of looked.entries()) {
    const { end, start } = logs[i] ?? {}
    if (start === undefined || start.error !== undefined) continue
    if (end === undefined || end.error !== undefined || start.offset === end.offset) continue
    const before = occupied.get(topic) ?? []
    occupied.set(topic, [...before, { partition, start: start.offset, end: end.offset }])
  }
  return topics.flatMap(({ remoteTopic, topic }) => {
    const found = occupied.get(topic)
    return found === undefined
      ? []
      : [{ topic, error: problemOf(remoteTopic, target.cluster, found) }]
  })
}

function problemOf (
  remoteTopic: string, cluster: string, occupied: readonly Occupied[]
): ReplicatorError {
  const [first] = occupied
  const others = occupied.length > 1 ? `, and ${occupied.length - 1} further partitions do` : ''
  return new ReplicatorError('TARGET_NOT_EMPTY', `${remoteTopic}-${first?.partition} on ` +
    `${cluster} holds offsets ${first?.start} to ${first?.end}${others}`,
  { setting: 'target.not.empty' })
}
