// Which flow of this process writes the heartbeats of which pair of clusters. MirrorMaker 2 writes
// them for every ordered pair of its clusters, enabled or not: the heartbeats of B->A are on A, and
// a flow A->B mirrors them to B, where they show that A is an upstream cluster.
import type { FlowConfig, HeartbeatPair } from './config.ts'
import type { FlowName } from './precedence.ts'
import type { Side } from './property-path.ts'

export interface HeartbeatSettings {
  readonly aliases: FlowName
  readonly isEnabled: boolean
  readonly intervalMs: number
  readonly replicationFactor: number
}

type Ends = Pick<FlowConfig, 'name' | 'source' | 'target'>

/**
 * By the name of the flow. A pair that is not a flow belongs to the first flow with the pair's
 * target as its target, or else as its source; if no flow has a client of that cluster, nobody
 * writes them.
 */
export function assignHeartbeats (
  pairs: readonly FlowName[], flows: readonly Ends[],
  settingsOf: (pair: FlowName) => HeartbeatSettings
): ReadonlyMap<string, readonly HeartbeatPair[]> {
  const assigned = new Map<string, HeartbeatPair[]>()
  for (const { source, target } of pairs) {
    const { isEnabled, ...settings } = settingsOf({ source, target })
    const found = isEnabled ? writerOf({ source, target }, flows) : undefined
    if (found === undefined) continue
    const { flow: { name }, side } = found
    assigned.set(name, [...assigned.get(name) ?? [], { source, target, side, ...settings }])
  }
  return assigned
}

function writerOf (
  { source, target }: FlowName, flows: readonly Ends[]
): { readonly flow: Ends, readonly side: Side } | undefined {
  const into = flows.filter(flow => flow.target.alias === target)
  const own = into.find(flow => flow.source.alias === source) ?? into[0]
  if (own !== undefined) return { flow: own, side: 'target' }
  const from = flows.find(flow => flow.source.alias === target)
  return from === undefined ? undefined : { flow: from, side: 'source' }
}
