// Which flows of this process write which target topic: two flows that write one topic would mix
// their records. They may do so where topics keep their names and come from several clusters: the
// producer ids of the flows distinguish their records. Clusters are identified by id, so that two
// aliases of one cluster do not hide it.

export interface Claim {
  /** The id of the target cluster. */
  readonly clusterId: string
  /** Its name on the target. */
  readonly topic: string
  readonly flow: string
  /** If the topic keeps its name, the id of the source cluster, if the cluster has an id. */
  readonly mergedFrom: string | undefined
}

/** The clusters that one flow connects; ids are null where a cluster reports none. */
export interface ConnectedClusters {
  readonly flow: string
  /** The alias of the source. */
  readonly alias: string
  readonly sourceId: string | null
  readonly targetId: string | null
}

export class TargetClaims {
  readonly #connected = new Map<string, ConnectedClusters>()
  readonly #remarks = new Set<string>()
  /** By cluster and topic; within, by flow. */
  readonly #owners = new Map<string, Map<string, Claim>>()

  /** Undefined if the flow may write the topic now; otherwise the flow that prevents it. */
  claim (claim: Claim): string | undefined {
    const key = `${claim.clusterId}/${claim.topic}`
    const owners = this.#owners.get(key) ?? new Map<string, Claim>()
    for (const [flow, other] of owners) {
      if (flow !== claim.flow && !canMerge(claim, other)) return flow
    }
    this.#owners.set(key, owners.set(claim.flow, claim))
    return undefined
  }

  /**
   * Returns another flow that connects the same two clusters: its source has two aliases, so topics
   * that both flows select are mirrored twice.
   */
  twinOf (clusters: ConnectedClusters): ConnectedClusters | undefined {
    this.#connected.set(clusters.flow, clusters)
    const { flow, sourceId, targetId } = clusters
    if (sourceId === null || targetId === null || sourceId === targetId) return undefined
    return [...this.#connected.values()].find(other => other.flow !== flow &&
      other.sourceId === sourceId && other.targetId === targetId)
  }

  /** Releases the claims of the flow on all other topics of the cluster, which were deleted. */
  retain (clusterId: string, topics: ReadonlySet<string>, flow: string): void {
    const prefix = `${clusterId}/`
    for (const [key, owners] of this.#owners) {
      if (!key.startsWith(prefix) || topics.has(key.slice(prefix.length))) continue
      this.#drop(key, owners, flow)
    }
  }

  /** False: the process has logged it. A flow that fails is restarted repeatedly. */
  isNewRemark (text: string): boolean {
    const isNew = !this.#remarks.has(text)
    this.#remarks.add(text)
    return isNew
  }

  release (flow: string): void {
    this.#connected.delete(flow)
    for (const [key, owners] of this.#owners) this.#drop(key, owners, flow)
  }

  #drop (key: string, owners: Map<string, Claim>, flow: string): void {
    if (owners.delete(flow) && owners.size === 0) this.#owners.delete(key)
  }
}

function canMerge (one: Claim, other: Claim): boolean {
  return one.mergedFrom !== undefined && other.mergedFrom !== undefined &&
    one.mergedFrom !== other.mergedFrom
}
