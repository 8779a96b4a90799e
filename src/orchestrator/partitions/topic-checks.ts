// Asks the clusters whether topics still exist and are still the same, where no response to a lane
// shows it; and has the partitions of deleted and recreated topics follow.
import type { Clock } from '../time/clock.ts'
import type { GonePartitions } from './gone-partitions.ts'
import type { FlowPartition, PartitionTable } from './partition-table.ts'
import type { RecreatedPartitions } from './recreated-partitions.ts'
import { isAtRest, restingIntervalMs, restingMs } from './resting-partitions.ts'
import type { KnownTopicIds, TopicNames } from './topic-ids.ts'
import type { WantedTopics } from './wanted-topics.ts'

export interface TopicChecksOptions {
  readonly table: Pick<PartitionTable, 'unsettled' | 'values'>
  readonly wanted: Pick<WantedTopics, 'gone' | 'suspects'>
  readonly topicIds: Pick<KnownTopicIds, 'learn' | 'learnRemote'>
  readonly gone: Pick<GonePartitions, 'remove'>
  readonly recreated: Pick<RecreatedPartitions, 'follow'>
  readonly onError: (thrown: unknown) => void
  readonly clock: Clock
}

/** Between checks of topics that seem to be deleted. */
const suspectMs = 5_000

/** How often lookAtRemote() is to be called: /readyz must not be wrong for more than 15 s. */
export const remoteLookMs = 5_000
/**
 * One small request: with more topics each one is looked at less often, as thousands of topics
 * every 5 s would cost an idle process, and its target, more than all its other work.
 */
export const remoteTopicsPerLook = 200

export class TopicChecks {
  readonly #options: TopicChecksOptions
  #askedMs = 0
  /** When partitions that no lane reads are due for a check; loops may run slightly early. */
  #restingFromMs = -Infinity
  /** The remote topics that this round of looks has not asked about yet. */
  #unasked: string[] = []

  constructor (options: TopicChecksOptions) {
    this.#options = options
  }

  /**
   * Returns the topics that the source does not have. Undefined: a cluster did not answer. The next
   * check asks it again.
   */
  async learn (topics: readonly TopicNames[]): Promise<ReadonlySet<string> | undefined> {
    try {
      return await this.#options.topicIds.learn(topics)
    } catch (thrown) {
      this.#options.onError(thrown)
      return undefined
    }
  }

  async ask (partitions: readonly FlowPartition[]): Promise<void> {
    const { clock, gone, recreated, wanted } = this.#options
    const missing = await this.learn(partitions)
    if (missing === undefined) return
    await gone.remove(wanted.gone(partitions, missing, clock.now()), () => 0)
    await recreated.follow()
  }

  /** Asks about topics that the newest listing did not include. Call it each second. */
  async askSuspects (): Promise<void> {
    const { clock, table, wanted } = this.#options
    const suspects = wanted.suspects(table.values())
    const nowMs = clock.now()
    if (suspects.length === 0 || nowMs - this.#askedMs < suspectMs) return
    this.#askedMs = nowMs
    await this.ask(suspects)
  }

  /**
   * Asks about topics of partitions that no lane reads: no Fetch response reports a deletion or a
   * recreation for them. Call it every few seconds.
   */
  async lookAtResting (): Promise<void> {
    const { clock, table } = this.#options
    const resting = [...table.unsettled].filter(isAtRest)
    const nowMs = clock.monotonic()
    if (nowMs < this.#restingFromMs || resting.length === 0) return
    this.#restingFromMs = nowMs + restingIntervalMs(resting.length) - restingMs / 2
    await this.ask(resting)
  }

  /**
   * Asks the target for the ids of its next topics: a lane that has no records for a partition
   * sends nothing whose response would show that the remote topic was recreated.
   */
  async lookAtRemote (): Promise<void> {
    const { onError, recreated, table, topicIds } = this.#options
    if (this.#unasked.length === 0) this.#unasked = remoteTopicsOf(table.values())
    const asked = this.#unasked.splice(0, remoteTopicsPerLook)
    try {
      if (await topicIds.learnRemote(asked)) await recreated.follow()
    } catch (thrown) {
      onError(thrown)
    }
  }
}

function remoteTopicsOf (partitions: Iterable<FlowPartition>): string[] {
  const topics = new Set<string>()
  for (const { remoteTopic, state } of partitions) {
    if (state === 'assigned') topics.add(remoteTopic)
  }
  return [...topics]
}
