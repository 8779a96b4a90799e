// Which records of the source cluster a flow that keeps topic names leaves out, and which flows
// close a ring. Pure. A cluster is identified by any string: an id or an alias.
//
//   inbound flow     ours
//   Z -------> X -------> Y        left out: Z is Y, or a flow Z->Y writes to Y itself
//                                  forwarded: everything else, so that a chain works
//
// A flow carries records of its source, and the records that each forwarded inbound flow carries.
// If these include records of the target, the records would return to the target over more than one
// hop: a ring, in which no flow can distinguish them from other records.

export interface Inbound {
  /** The cluster that the inbound flow mirrors. */
  readonly source: string
  readonly carried: ReadonlySet<string>
}

export interface InboundOf {
  readonly source: string
  readonly target: string
  /** The flows that write into the source. */
  readonly inbound: readonly Inbound[]
  /** The sources of the flows that write into the target. */
  readonly writers: ReadonlySet<string>
}

export function isLeftOut (
  { source }: Inbound, { target, writers }: Pick<InboundOf, 'target' | 'writers'>
): boolean {
  return source === target || writers.has(source)
}

export function carriedBy (flow: InboundOf): ReadonlySet<string> {
  return new Set([flow.source, ...forwarded(flow).flatMap(({ carried }) => [...carried])])
}

/** The inbound flow that closes a ring; undefined: none. */
export function ringIn (flow: InboundOf): Inbound | undefined {
  return forwarded(flow).find(({ carried }) => carried.has(flow.target))
}

function forwarded (flow: InboundOf): readonly Inbound[] {
  return flow.inbound.filter(each => !isLeftOut(each, flow))
}
