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
  readonly topicIds: Pick<KnownTopicIds, 'learn' | 'learnRemote' | 'takeNews'>
  readonly gone: Pick<GonePartitions, 'remove'>
  readonly recreated: Pick<RecreatedPartitions, 'follow' | 'recallDeleted'>
  readonly onError: (thrown: unknown) => void
  readonly clock: Clock
}

/** Between checks of topics that seem to be deleted. */
const suspectMs = 5_000

/** How often lookAtRemote() is to be called: /readyz must not be wrong for more than 15 s. */
export const remoteLookMs = 5_000
/** These looks together ask about all topics: within 10 s, and 5 s are left for what follows. */
const looksPerRound = 2
/** In units of remoteWeights(). Each look of a small flow asks about all its topics. */
const lookWeightMin = 200
/**
 * The answers to one look have about 50 bytes for each unit: 100 kB at most. Partitions beyond
 * that are asked about less often: answers about 10,000 of them within 10 s cost an idle process
 * 1.3 % of a core, half as much as all its other work.
 */
export const lookWeightMax = 2_000

export class TopicChecks {
  readonly #options: TopicChecksOptions
  #askedMs = 0
  /** When partitions that no lane reads are due for a check; loops may run slightly early. */
  #restingFromMs = -Infinity
  /** The remote topics that this round of looks has not asked about yet, with their weights. */
  #unasked: Array<readonly [topic: string, weight: number]> = []
  /**
   * Remote topics that the last look did not find, so the next look asks for them again: one broker
   * may not have the metadata of a topic yet.
   */
  #missing: ReadonlySet<string> = new Set()
  /** Of each look of this round. */
  #lookWeight = 0

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
   * sends nothing whose response would show that the remote topic was deleted or recreated.
   */
  async lookAtRemote (): Promise<void> {
    const { onError, recreated, topicIds } = this.#options
    try {
      const missing = await topicIds.learnRemote([...this.#takeShare(), ...this.#missing])
      const deleted = new Set([...missing].filter(topic => this.#missing.has(topic)))
      this.#missing = new Set([...missing].filter(topic => !deleted.has(topic)))
      if (deleted.size > 0) recreated.recallDeleted(deleted)
      if (topicIds.takeNews()) await recreated.follow()
    } catch (thrown) {
      onError(thrown)
    }
  }

  /** The topics of the next look; a new round begins once all topics were asked about. */
  #takeShare (): readonly string[] {
    if (this.#unasked.length === 0) {
      this.#unasked = [...remoteWeights(this.#options.table.values())]
      const weight = this.#unasked.reduce((sum, [, weight]) => sum + weight, 0)
      this.#lookWeight =
        Math.min(Math.max(Math.ceil(weight / looksPerRound), lookWeightMin), lookWeightMax)
    }
    let count = 0
    for (let weight = 0; count < this.#unasked.length && weight < this.#lookWeight; count++) {
      weight += this.#unasked[count]?.[1] ?? 0
    }
    return this.#unasked.splice(0, count).map(([topic]) => topic)
  }
}

/** By remote topic: 1, and 1 for each partition that a lane of this process mirrors. */
function remoteWeights (partitions: Iterable<FlowPartition>): ReadonlyMap<string, number> {
  const weights = new Map<string, number>()
  for (const { remoteTopic, state } of partitions) {
    if (state === 'assigned') weights.set(remoteTopic, (weights.get(remoteTopic) ?? 1) + 1)
  }
  return weights
}
