// Which positions of a flow a user means by the name of a topic: the name on the source, or that of
// the remote topic, as a prefix or topic.rename makes it.
import type { FlowConfig } from '../config/config.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import type { PartitionOnRecord } from '../progress/slot-contents.ts'

/** The name on the source decides, if the flow mirrors a topic of that name. */
export function partitionsNamed (
  topic: string, { policy }: FlowConfig, partitions: readonly PartitionOnRecord[]
): readonly PartitionOnRecord[] {
  const bySource = partitions.filter(({ source }) => source.topic === topic)
  return bySource.length > 0
    ? bySource
    : partitions.filter(({ source }) => policy.remoteTopic(source.topic) === topic)
}

/** Why a flow shows nothing of a topic: the name may be mistyped, or that of the remote topic. */
export function notMirroredText (topic: string, flow: FlowConfig): string {
  const verdict = judgeTopic(flow.topics, topic)
  const why = verdict === 'mirrored'
    ? `no partition of it was found on ${flow.source.alias}`
    : verdict
  return `${flow.name} does not mirror ${topic}: ${why}${nameOnSource(topic, flow)}`
}

/** For users who wrote a name that the policy would give, but the file sets another one. */
export function nameOnSource (topic: string, { policy }: FlowConfig): string {
  const upstream = policy.upstreamTopic(topic)
  if (upstream === undefined || upstream === topic) return ''
  const remote = policy.remoteTopic(upstream)
  return remote === topic
    ? ` (on the source it would be ${upstream})`
    : ` (perhaps ${upstream}, which is ${remote} on the target)`
}
