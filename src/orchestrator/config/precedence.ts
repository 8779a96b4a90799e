// Which of two places of a property wins for a flow. The order is MirrorMaker 2's for every place
// that MirrorMaker 2 reads.
import type { ClientRole, PropertyPath, Side } from './property-path.ts'
import { isOfWorker, type SettingRole } from './setting-kinds.ts'

export interface FlowName { readonly source: string, readonly target: string }

/** One client of a flow: its cluster, its end of the flow, and its role. */
export interface ClientEnd {
  readonly alias: string
  readonly side: Side
  readonly role: ClientRole
}

/**
 * How specific a place is; the first number that differs decides, and of equal places the later
 * entry wins. Level: top 0, cluster 1, flow 2; properties that MirrorMaker 2 writes at a flow and
 * reads below that are placed by belowCluster. Side and role: 1 if written. End: for a setting that
 * both clusters of a flow may have, the source is 1.
 */
export type Precedence = readonly [level: number, side: number, role: number, end: number]

export function isLower (one: readonly number[], other: readonly number[]): boolean {
  const at = other.findIndex((number, place) => number !== one[place])
  return at !== -1 && (one[at] ?? 0) < (other[at] ?? 0)
}

/** Undefined if the place does not apply to the flow. */
export function settingPrecedence (
  path: PropertyPath, flow: FlowName, own: SettingRole | undefined
): Precedence | undefined {
  const { level, role, side } = path
  if (own === 'cluster worker' && !isOfClusterWorker(path)) return undefined
  const written = [side === undefined ? 0 : 1, role === undefined ? 0 : 1] as const
  const end = (side ?? (role === 'producer' ? 'target' : undefined)) === 'target' ? 0 : 1
  switch (level.at) {
    // A value for all workers wins over a value for the workers of one cluster.
    case 'top': return [own === 'worker' ? 2 : 0, ...written, end]
    case 'flow':
      if (!sameFlow(level, flow)) return undefined
      return own !== 'group' && isBelowCluster(path)
        ? [...belowCluster(path), end]
        : [2, ...written, end]
    case 'cluster': {
      if (own === 'group') return level.alias === flow.target ? [1, ...written, end] : undefined
      const atSource = level.alias === flow.source && role !== 'producer'
      const atTarget = level.alias === flow.target && role !== 'consumer'
      // Without a role it is a setting of the worker, which MirrorMaker 2 runs at the target.
      const counts = own === undefined || own === 'producer' || isOfWorker(own) ? atTarget
        : own === 'consumer' ? atSource : atSource || atTarget
      return counts ? [1, ...written, end + (atSource ? 1 : 0)] : undefined
    }
  }
}

/** Whether it is `B.NAME`; with a role or elsewhere the name is that of a client's property. */
export function isOfClusterWorker (
  { level, role, side }: Pick<PropertyPath, 'level' | 'role' | 'side'>
): boolean {
  return level.at === 'cluster' && role === undefined && side === undefined
}

export function clientPrecedence (
  path: PropertyPath, end: ClientEnd, flow: FlowName
): Precedence | undefined {
  const { level, role, side } = path
  if (role !== undefined && role !== end.role) return undefined
  if (side !== undefined && side !== end.side) return undefined
  // `A->B.consumer.x` is the consumer of the source, `A->B.producer.x` the producer of the target.
  const written = [side === undefined ? 0 : 1, role === undefined ? 0 : 1] as const
  switch (level.at) {
    case 'top': return [0, ...written, 0]
    case 'cluster': return level.alias === end.alias ? [1, ...written, 0] : undefined
    case 'flow':
      if (!sameFlow(level, flow)) return undefined
      // `A->B.source.cluster.x` is `source.cluster.x` of the connector, under `consumer.x`.
      if (side !== undefined && role === undefined && isOfEveryClient(path.name)) {
        return [-2, ...written, 0]
      }
      if (!isBelowCluster(path)) return [2, ...written, 0]
      return isOfEveryClient(path.name) ? [-1, ...written, 0] : [...belowCluster(path), 0]
  }
}

/**
 * MirrorMaker 2 reads `A->B.consumer.x` as `consumer.x` of the connector, and `A.consumer.x` as
 * `source.consumer.x`, which wins there. The producer of the Connect worker writes the records: of
 * the properties of a flow, only `A->B.producer.override.x` wins over `B.producer.x`.
 */
function isBelowCluster ({ role, side, isOverride }: PropertyPath): boolean {
  switch (role) {
    case undefined: return false
    case 'producer': return isOverride !== true
    case 'consumer':
    case 'admin': return side === undefined
  }
}

/** Below `A.consumer.x`, above `A.x`. */
function belowCluster ({ side }: PropertyPath): readonly [number, number, number] {
  return [1, 0, side === undefined ? 0.3 : 0.6]
}

/** MirrorMaker 2 copies these from `A.x` and from `x` to `source.consumer.x` and similar places. */
function isOfEveryClient (name: string): boolean {
  return /^(bootstrap\.servers$|security\.|ssl\.|sasl\.)/.test(name)
}

function sameFlow (one: FlowName, other: FlowName): boolean {
  return one.source === other.source && one.target === other.target
}
