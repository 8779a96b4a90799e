// Keeps the topics of a flow up to date: lists the topics of both clusters every
// refresh.topics.interval.seconds, and again within seconds while a topic is not settled.
import type { FlowConfig } from '../config/config.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { unlessAborted } from '../time/deadline.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import { RefusedSettings } from '../topics/refused-settings.ts'
import type { TopicSelection } from '../policy/topic-filter.ts'
import { TopicRemarks } from '../topics/topic-remarks.ts'
import {
  syncTopicsOnce, type MirroredTopic, type TopicSyncOptions, type TopicSyncResult
} from '../topics/topic-sync.ts'
import type { ClusterPair } from './cluster-pair.ts'
import type { FlowsBack } from './flows-back.ts'
import type { TargetClaims } from './target-claims.ts'
import { claimedCluster, topicOptions } from './topic-options.ts'

export interface TopicRefreshOptions {
  readonly config: FlowConfig
  readonly clusters: ClusterPair
  readonly claims: TargetClaims
  /** Whether this process creates and grows the remote topic of this topic. */
  readonly mayChange: (topic: string) => boolean
  /** Receives the result of each look. */
  readonly onTopics: (result: TopicSyncResult) => Promise<void>
  readonly problems: FlowProblems
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Looks for flows that bring topics back; absent: the flow needs no such look. */
  readonly flowsBack?: Pick<FlowsBack, 'look' | 'refusalOf'> | undefined
  /** The look itself; syncTopicsOnce by default, a fake in tests. */
  readonly sync?: (options: TopicSyncOptions) => Promise<TopicSyncResult>
}

// A topic that was just created, or that another process is about to create, exists after a
// second or two; a topic that the target refuses is tried once a minute.
const unsettledBackoff = { initialMs: 1_000, maxMs: 60_000, multiplier: 3 }
const never = Number.MAX_SAFE_INTEGER

/** Not an error: the look succeeded, and should be repeated soon. */
class Unsettled extends Error {}

export class TopicRefresh {
  readonly #options: TopicRefreshOptions
  #config: FlowConfig
  #remarks: TopicRemarks
  readonly #loop: IntervalLoop
  /** What the target has refused when topics were created. */
  readonly refused = new RefusedSettings()
  #isSettled = false
  #onKnown: () => void = () => {}
  readonly #known = new Promise<void>(resolve => { this.#onKnown = resolve })
  #topics: readonly MirroredTopic[] = []
  #onFirst: { resolve: () => void, reject: (thrown: unknown) => void } | undefined

  constructor (options: TopicRefreshOptions) {
    this.#options = options
    this.#config = options.config
    this.#remarks = new TopicRemarks(options.config)
    const { clock, problems, signal } = options
    this.#loop = new IntervalLoop({
      intervalMs: () => this.#config.settings['refresh.topics.enabled']
        ? this.#config.settings['refresh.topics.interval.seconds'] * 1000
        : never,
      clock,
      signal,
      backoff: unsettledBackoff,
      run: async () => {
        this.#isSettled = false
        const { unsettled } = await this.#refresh()
        this.#isSettled = unsettled.length === 0
        this.#onFirst?.resolve()
        this.#onFirst = undefined
        if (unsettled.length > 0) throw new Unsettled()
      },
      onError: thrown => {
        if (this.#onFirst === undefined && !(thrown instanceof Unsettled)) problems.warn(thrown)
        this.#onFirst?.reject(thrown)
        this.#onFirst = undefined
      }
    })
  }

  /** Resolves after the first look, or rejects with its failure. Looks again until the abort. */
  async start (): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#onFirst = { resolve, reject }
      this.#loop.start()
    })
  }

  /** `mayChange` allows more than before: looks again now, unless every topic is settled. */
  lookAgain (): void {
    if (!this.#isSettled) this.#loop.wake()
  }

  /** A topic was created that the flow mirrors. */
  lookNow (): void { this.#loop.wake() }

  /** Looks again at once if the flows that bring topics back are others than at the last look. */
  async followFlowsBack (): Promise<void> {
    if (await this.#options.flowsBack?.look() === true) this.#loop.wake()
  }

  /** The mirrored topics of the newest look; waits for the first look. */
  async mirrored (signal: AbortSignal): Promise<readonly MirroredTopic[]> {
    await unlessAborted(signal, this.#known)
    return this.#topics
  }

  /** The present selection. */
  get selection (): TopicSelection { return this.#config.topics }

  /** Looks at once, with the new filters. */
  adopt (config: FlowConfig): void {
    this.#config = config
    this.#remarks = new TopicRemarks(config)
    this.#loop.wake()
  }

  async #refresh (): Promise<TopicSyncResult> {
    const config = this.#config
    const { claims, clusters, log, mayChange, onTopics, problems, signal } = this.#options
    const { flowsBack, sync = syncTopicsOnce } = this.#options
    await flowsBack?.look()
    const result = await sync({
      ...topicOptions({ claims, clusters, config, flowsBack, signal }),
      mayChange,
      validateOnly: false
    })
    // A topic with a problem stays claimed: its partitions may be mirrored already.
    const remoteTopics = [...result.planned, ...result.problems]
      .map(({ topic }) => config.policy.remoteTopic(topic))
    claims.retain(claimedCluster({ clusters, config }), new Set(remoteTopics), config.name)
    for (const remark of this.#remarks.newAbout(result)) log.warn({}, remark)
    for (const warning of result.warnings) problems.warn(warning)
    for (const { topic, error } of result.problems) problems.say(topic, error)
    const created = [...result.created.keys()]
    if (created.length > 0) log.info({ topics: created }, 'created remote topics')
    if (result.grown.length > 0) log.info({ topics: result.grown }, 'added partitions')
    await onTopics(result)
    this.refused.add(result.refused)
    this.#topics = result.topics
    this.#onKnown()
    problems.endRound()
    return result
  }
}
