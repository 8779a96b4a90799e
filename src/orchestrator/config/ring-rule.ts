// Refuses flows of a file that keep names and form a ring. Two flows in both directions, a full
// mesh and a chain in both directions are not rings: each flow leaves out the records that inbound
// flows brought from its target, or that its target receives directly (policy/inbound-rule.ts).
import { isLeftOut, carriedBy, ringIn, type InboundOf } from '../policy/inbound-rule.ts'
import type { FlowConfig } from './config.ts'
import type { Findings } from './findings.ts'
import { flowsByTopic, shortestChain } from './loop-search.ts'

type Edge = Pick<FlowConfig, 'name'> & {
  readonly source: { readonly alias: string }
  readonly target: { readonly alias: string }
}

export function refuseRings (flows: readonly FlowConfig[], findings: Findings): void {
  const keeping = flows.filter(({ policy, settings }) =>
    policy.keepsNames && settings['same.names.both.ways'])
  for (const { edges, once, topic } of flowsByTopic(keeping)) {
    for (const ring of ringsOf(edges).filter(once)) {
      const names = ring.map(({ name }) => name).join(' and ')
      findings.refuse('MIRROR_RING', `${names} form a ring: ` +
        `each keeps the names of topics and mirrors a topic such as ${topic}, whose records ` +
        'would return; add direct flows so that each cluster mirrors each other one, give the ' +
        'flows topics that do not overlap, or use DefaultReplicationPolicy',
      `${ring[0]?.name ?? ''}.topics`)
    }
    for (const [flow, way] of missedBy(edges, keeping).filter(once)) {
      findings.refuse('CONFIG_CONFLICT', `${flow.name} leaves out what ${way.source.alias} sends ` +
        `to ${flow.source.alias}, because ${way.name} exists, but ${way.name} does not mirror a ` +
        `topic such as ${topic}; give the flows between these clusters the same topics`,
      `${way.name}.topics`)
    }
  }
}

/**
 * The flows by which records return to the cluster where they were written, over more than two
 * flows.
 */
export function ringsOf<E extends Edge> (edges: readonly E[]): ReadonlyArray<readonly E[]> {
  const carried = carriedByAll(edges)
  return edges.flatMap(edge => {
    const through = ringIn(inboundOf(edge, edges, carried))
    return through === undefined ? [] : [ringOf(edge, edges)]
  })
}

/** Flows that leave out a topic because of a flow that does not mirror the topic. */
function missedBy (
  edges: readonly FlowConfig[], keeping: readonly FlowConfig[]
): ReadonlyArray<readonly [flow: FlowConfig, way: FlowConfig]> {
  return edges.flatMap(flow => edges
    .filter(inbound => inbound.target.alias === flow.source.alias &&
      inbound.source.alias !== flow.target.alias)
    .flatMap(inbound => keeping
      .filter(way => way.source.alias === inbound.source.alias &&
        way.target.alias === flow.target.alias && !edges.includes(way))
      .map((way): readonly [FlowConfig, FlowConfig] => [flow, way])))
}

/** Repeats until no set changes: a flow forwards the records that inbound flows forward to it. */
function carriedByAll<E extends Edge> (edges: readonly E[]): ReadonlyMap<E, ReadonlySet<string>> {
  const carried = new Map<E, ReadonlySet<string>>(
    edges.map(edge => [edge, new Set([edge.source.alias])]))
  for (let isGrowing = true; isGrowing;) {
    isGrowing = false
    for (const edge of edges) {
      const found = carriedBy(inboundOf(edge, edges, carried))
      if (found.size > (carried.get(edge)?.size ?? 0)) isGrowing = true
      carried.set(edge, found)
    }
  }
  return carried
}

function inboundOf<E extends Edge> (
  edge: E, edges: readonly E[], carried: ReadonlyMap<E, ReadonlySet<string>>
): InboundOf {
  return {
    source: edge.source.alias,
    target: edge.target.alias,
    inbound: edges.filter(({ target }) => target.alias === edge.source.alias).map(each =>
      ({ source: each.source.alias, carried: carried.get(each) ?? new Set<string>() })),
    writers: new Set(edges.filter(({ target }) => target.alias === edge.target.alias)
      .map(({ source }) => source.alias))
  }
}

/** The shortest chain of flows, each forwarded by the next, that brings the target's records. */
function ringOf<E extends Edge> (last: E, edges: readonly E[]): readonly E[] {
  const isForwarded = (edge: E, by: E): boolean => {
    const writers = new Set(edges.filter(({ target }) => target.alias === by.target.alias)
      .map(({ source }) => source.alias))
    return edge.target.alias === by.source.alias &&
      !isLeftOut({ source: edge.source.alias, carried: new Set() },
        { target: by.target.alias, writers })
  }
  const chain = shortestChain(last, by => edges.filter(edge => isForwarded(edge, by)),
    ({ source }) => source.alias === last.target.alias)
  return [...chain ?? [last]].reverse()
}
