// The topics of a bench: created before its mirror starts, and deleted with everything that the
// mirror created, also after an error. Their names contain the alias of the bench, as no other
// topic's name does.
import type { ClusterAdmin, NewTopic } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import type { BenchNames } from './mirror-file.ts'

export interface NamedTopic {
  readonly name: string
  readonly partitions: number
}

/** Creates topics where admin requests cannot: on embedded clusters. */
export interface TopicMaker {
  createTopics (source: readonly NamedTopic[], target: readonly NamedTopic[]): Promise<void>
}

export interface BenchEnds {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
}

const slots = 4

export async function createBenchTopics (
  { source }: Pick<BenchEnds, 'source'>, { alias, topic }: BenchNames, partitions: number,
  remoteTopic: string, maker: TopicMaker | undefined
): Promise<void> {
  if (maker !== undefined) {
    await maker.createTopics([{ name: topic, partitions }], [
      { name: remoteTopic, partitions },
      { name: progressTopicOf(alias), partitions: slots }
    ])
    return
  }
  const created: NewTopic = {
    name: topic,
    partitions,
    replicationFactor: -1,
    // Overrides the cluster's defaults: batches are forwarded unchanged, and none expires.
    configs: {
      'message.timestamp.type': 'CreateTime', 'compression.type': 'producer',
      'cleanup.policy': 'delete', 'retention.ms': '86400000'
    }
  }
  const [result] = await source.createTopics([created])
  if (result?.error === undefined) return
  throw new ReplicatorError('TOPIC_CREATE_FAILED',
    `${topic} on ${source.cluster}: ${result.error.message}`, { cause: result.error })
}

/** The topics that could not be deleted, for a person. Never rejects. */
export async function deleteBenchTopics (
  ends: BenchEnds, { alias }: Pick<BenchNames, 'alias'>
): Promise<readonly string[]> {
  const left = await Promise.all([ends.source, ends.target].map(async admin => {
    try {
      const topics = await admin.listTopics()
      const own = topics.map(({ name }) => name).filter(name => name.includes(alias))
      const results = own.length === 0 ? [] : await admin.deleteTopics(own)
      return results.flatMap(({ error, name }) =>
        error === undefined ? [] : [`${name} on ${admin.cluster}: ${error.message}`])
    } catch (thrown) {
      const { message } = ReplicatorError.from(thrown)
      return [`topics with ${alias} in their names on ${admin.cluster}: ${message}`]
    }
  }))
  return left.flat()
}
