// Topics whose positions on record belong to another topic: one of them was recreated, or the flow
// now mirrors to another name. Their partitions would stop with TOPIC_RECREATED at a start.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { KnownTopicIds } from '../partitions/topic-ids.ts'
import type { PartitionOnRecord } from '../progress/slot-contents.ts'
import type { PlannedTopic, TopicProblem } from '../topics/topic-plan.ts'

interface Clusters {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
}

export async function replacedTopics (
  topics: readonly PlannedTopic[], onRecord: readonly PartitionOnRecord[],
  { ofTopic }: Pick<FlowConfig, 'ofTopic'>, { source, target }: Clusters
): Promise<readonly TopicProblem[]> {
  // One partition tells the ids of its topics.
  const progress = new Map(onRecord.map(each => [each.source.topic, each.progress]))
  const positioned = topics.flatMap(planned => {
    const found = progress.get(planned.topic)
    const stops = ofTopic(planned.topic)['topic.recreated'] === 'stop'
    return found === undefined || !stops ? [] : [{ ...planned, progress: found }]
  })
  const ids = new KnownTopicIds(source, target)
  await ids.learn(positioned)
  return positioned.flatMap(each => {
    const { progress: { topicIds }, remoteTopic, targetPartitions, topic } = each
    const isGone = targetPartitions === 0 && topicIds?.target !== undefined
    const error = ids.recreationOf(each)?.error ?? (isGone
      ? new ReplicatorError('TOPIC_RECREATED', `${target.cluster} has no topic ${remoteTopic}, ` +
        `and progress is of a topic with id ${topicIds.target}, which was deleted, or the flow ` +
        'now mirrors to another name')
      : undefined)
    return error === undefined ? [] : [{ topic, error }]
  })
}
