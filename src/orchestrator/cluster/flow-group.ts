// The consumer group by which the processes of a flow share its slots, seen from outside the group.
import type { ClusterAdmin } from './cluster-admin.ts'

/** MirrorMaker 2 has no group of this name; one prefix for all flows makes one ACL enough. */
export function groupOf (flow: string): string {
  return `longhaul.${flow}`
}

/** How many members the group has; 0 if it does not exist. Rejects like describeGroups. */
export async function groupSize (
  cluster: Pick<ClusterAdmin, 'describeGroups'>, group: string
): Promise<number> {
  const [described] = await cluster.describeGroups([group])
  if (described?.error !== undefined) throw described.error
  return described?.members.length ?? 0
}
