// Writes down why partitions are stalled for long: their leaders, the process that mirrors them,
// and their states. For people; liveness.ts judges the run.
import { appendFileSync } from 'node:fs'
import { topicsOn } from '../../test/kafka/broker-view.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { withTimeout } from '../../test/kafka/eventually.ts'
import { remoteTopic } from './chaos-contender.ts'
import type { MirrorMember } from './mirror-member.ts'
import { loadedTopics, partitionName } from './numbered-load.ts'

export interface StallWitnessOptions {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  readonly members: ReadonlyArray<Pick<MirrorMember, 'shown'>>
  readonly nowMs: () => number
  readonly path: string
}

const answerMs = 2_000

/** Never rejects: leaves out answers that do not arrive. */
export async function witness (
  partitions: readonly string[], options: StallWitnessOptions
): Promise<void> {
  const { members, nowMs, path, source, target } = options
  const atS = (nowMs() / 1000).toFixed(1)
  const [upstream, downstream, ...shown] = await Promise.all([
    leadersOf(source, topic => topic), leadersOf(target, remoteTopic),
    ...members.map(async member => await member.shown())
  ])
  const lines = partitions.map(partition => {
    const said = shown.flatMap((of, at) => (of ?? []).filter(({ name }) => name === partition)
      .map(({ lane, state }) => `mirror ${at + 1}${lane === '' ? '' : ` lane ${lane}`} ${state}`))
    return `${atS} s  ${partition}  source leader ${upstream.get(partition) ?? '?'}, target ` +
      `leader ${downstream.get(partition) ?? '?'}, ${said.join(', ') || 'shown by no mirror'}\n`
  })
  appendFileSync(path, lines.join(''))
}

async function leadersOf (
  cluster: KafkaCluster, nameOf: (topic: string) => string
): Promise<ReadonlyMap<string, number>> {
  const names = new Map(loadedTopics.map(({ name }) => [nameOf(name), name]))
  const asked = cluster.brokers.find(({ isAnswering }) => isAnswering)
  if (asked === undefined) return new Map()
  const views = await withTimeout('metadata', answerMs, topicsOn(asked, [...names.keys()]))
    .catch(() => [])
  return new Map(views.flatMap(({ partitions, topic }) => partitions.map(
    ({ leader, partition }): [string, number] =>
      [partitionName(names.get(topic) ?? '', partition), leader])))
}
