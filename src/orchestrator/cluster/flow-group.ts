// The consumer group by which the processes of a flow share its slots, as others see it.
import type { ClusterAdmin } from './cluster-admin.ts'

/** MirrorMaker 2 has no group of this name; one prefix for all flows makes one ACL enough. */
export function groupOf (flow: string): string {
  return `longhaul.${flow}`
}

/** How many members the group has; 0 of a group that does not exist. Rejects as describeGroups. */
export async function groupSize (
  cluster: Pick<ClusterAdmin, 'describeGroups'>, group: string
): Promise<number> {
  const [described] = await cluster.describeGroups([group])
  if (described?.error !== undefined) throw described.error
  return described?.members.length ?? 0
}
