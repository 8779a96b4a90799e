// Which flow of this process writes which target topic: two flows that write one topic would mix
// their records. Clusters are identified by id, so that two aliases of one cluster do not hide it.

export class TargetClaims {
  readonly #owners = new Map<string, string>()

  /** Undefined if `flow` owns the topic now; otherwise the flow that owns it. */
  claim (clusterId: string, topic: string, flow: string): string | undefined {
    const key = `${clusterId}/${topic}`
    const owner = this.#owners.get(key)
    if (owner === undefined) this.#owners.set(key, flow)
    return owner === undefined || owner === flow ? undefined : owner
  }

  /** Releases the claims of the flow on all other topics of the cluster: they are gone. */
  retain (clusterId: string, topics: ReadonlySet<string>, flow: string): void {
    const prefix = `${clusterId}/`
    for (const [key, owner] of this.#owners) {
      if (owner !== flow || !key.startsWith(prefix)) continue
      if (!topics.has(key.slice(prefix.length))) this.#owners.delete(key)
    }
  }

  release (flow: string): void {
    for (const [key, owner] of this.#owners) if (owner === flow) this.#owners.delete(key)
  }
}
