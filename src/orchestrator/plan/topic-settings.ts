// The settings of topics as their cluster applies them, set on the topic or by default.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'

export type AppliedSettings = ReadonlyMap<string, string>

/** By name, without topics whose settings the cluster does not show. */
export async function settingsOfTopics (
  admin: ClusterAdmin, names: readonly string[]
): Promise<ReadonlyMap<string, AppliedSettings>> {
  if (names.length === 0) return new Map()
  const described = await admin.describeConfigs(names.map(name => ({ type: 'topic', name })))
  return new Map(described.flatMap(({ entries, error, name }) => error !== undefined
    ? []
    : [[name, new Map(entries.flatMap(entry =>
        entry.value === null ? [] : [[entry.name, entry.value] as const]))] as const]))
}
