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
