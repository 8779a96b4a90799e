// Commits offsets of a consumer group. The first commit of a cluster creates the topic of committed
// offsets, and is refused until its coordinator is ready.
import type { ClusterAdmin, GroupOffset } from '../../src/orchestrator/cluster/cluster-admin.ts'
import { eventually } from '../kafka/eventually.ts'

export async function commitOffsets (
  admin: Pick<ClusterAdmin, 'commitGroupOffsets'>, group: string, offsets: readonly GroupOffset[]
): Promise<void> {
  await eventually(`a commit of ${group}`, async () =>
    (await admin.commitGroupOffsets(group, offsets)).every(({ error }) => error === undefined))
}

/** Whether the group has this offset in partition 0 of each topic. */
export async function hasOffsets (
  admin: Pick<ClusterAdmin, 'groupOffsets'>, group: string, topics: readonly string[],
  wanted: bigint
): Promise<boolean> {
  const [{ offsets = [] } = {}] = await admin.groupOffsets([group])
  return topics.every(name => offsets.some(({ offset, partition, topic }) =>
    topic === name && partition === 0 && offset === wanted))
}
