// The leaders of a bench's topic: looked up at the start, and again after a request has failed.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { orUnreachable } from '../cluster/cluster-error.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'

const pollMs = 100
const refreshMsMax = 30_000

export class TopicLeaders {
  readonly topic: string
  readonly partitions: number
  readonly #admin: ClusterAdmin
  readonly #clock: Clock
  readonly #stopped: AbortSignal
  #leaders: readonly number[] = []
  #refreshing: Promise<void> | undefined

  constructor (
    admin: ClusterAdmin, topic: string, partitions: number, clock: Clock, stopped: AbortSignal
  ) {
    this.#admin = admin
    this.topic = topic
    this.partitions = partitions
    this.#clock = clock
    this.#stopped = stopped
  }

  /** Resolves when every partition has a leader, or when the bench is stopped. */
  async refresh (): Promise<void> {
    this.#refreshing ??= this.#lookUp().finally(() => { this.#refreshing = undefined })
    await this.#refreshing
  }

  nodes (): readonly number[] { return [...new Set(this.#leaders)] }

  leaderOf (partition: number): number { return this.#leaders[partition] ?? -1 }

  partitionsOf (node: number): readonly number[] {
    return this.#leaders.flatMap((leader, partition) => leader === node ? [partition] : [])
  }

  async #lookUp (): Promise<void> {
    const deadline = this.#clock.monotonic() + refreshMsMax
    let reason = ''
    while (!this.#stopped.aborted) {
      const [found] = await this.#admin.describeTopics([this.topic])
      const leaders = (found?.partitions ?? []).toSorted((one, other) =>
        one.partition - other.partition).map(({ leader }) => leader)
      if (leaders.length >= this.partitions && leaders.every(leader => leader >= 0)) {
        this.#leaders = leaders
        return
      }
      reason = found?.error?.message ?? 'a partition has no leader'
      if (this.#clock.monotonic() > deadline) {
        throw orUnreachable(this.#admin, new ReplicatorError('TIMED_OUT',
          `topic ${this.topic} on ${this.#admin.cluster}: ${reason}`), found?.error)
      }
      await this.#clock.sleep(pollMs, this.#stopped).catch(() => {})
    }
  }
}
