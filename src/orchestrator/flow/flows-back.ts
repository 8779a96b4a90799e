// The flows that run from the target of a flow back to its source, as their progress topics on the
// source show them, and the topics that would be mirrored back and forth because of them. Each
// process of a flow announces its settings in slot 0 before it mirrors (control/flow-control.ts).
//
// Both flows may start at the same time. Each one first announces itself and then looks: the one
// that announces itself later sees the other. A flow that has ended must not block
// topics: a process that stops removes its announcement; one of a killed process counts for goneMs.
import type { FlowConfig } from '../config/config.ts'
import { announcedTopics } from '../config/announced-topics.ts'
import { decodeControl, memberOf, type FlowMember } from '../control/control-record.ts'
import { FlowMembers } from '../control/flow-members.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { InboundTopics, SlotRecordRead } from '../inbound/inbound-topics.ts'
import type { Log } from '../observability/log.ts'
import { progressTopicPrefix } from '../policy/replication-policy.ts'
import type { TopicSelection } from '../policy/topic-filter.ts'
import { comesBack } from '../policy/way-back.ts'
import { agreedOf } from '../progress/producer-agreement.ts'
import { decodeKey, decodeProgress, type FlowProducer } from '../progress/progress-record.ts'
import type { Clock } from '../time/clock.ts'

export interface FlowsBackOptions {
  readonly name: string
  readonly source: { readonly alias: string }
  readonly target: { readonly alias: string, readonly clusterId: string }
  /** Opens the reader of the progress topics on the source. */
  readonly open: (
    onRecord: (topic: string, record: SlotRecordRead) => void
  ) => Pick<InboundTopics, 'close' | 'names' | 'read'>
  /** Resolves once this process has announced itself, or cannot at present. */
  readonly announced: (signal: AbortSignal) => Promise<void>
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

interface OtherFlow {
  readonly producers: FlowProducer[]
  readonly members: FlowMembers
}

/** A live process of a flow that leads back. */
interface RunningProcess {
  readonly progressTopic: string
  readonly member: FlowMember
  /** Undefined: another build wrote the announcement, and this build cannot read it. */
  readonly back: TopicSelection | undefined
}

export class FlowsBack {
  readonly #options: FlowsBackOptions
  readonly #topics: Pick<InboundTopics, 'close' | 'names' | 'read'>
  /** By progress topic. */
  readonly #flows = new Map<string, OtherFlow>()
  readonly #said = new Set<string>()
  #looking: Promise<void> = Promise.resolve()
  /** Of the last look. */
  #running: readonly RunningProcess[] = []

  constructor (options: FlowsBackOptions) {
    this.#options = options
    this.#topics = options.open((topic, record) => { this.#take(topic, record) })
  }

  /**
   * Resolves with whether the flows that lead back differ from those at the last look. A topic that
   * cannot be read is logged once: a flow that needs these topics for nothing else must not depend
   * on them.
   */
  async look (): Promise<boolean> {
    const { announced, signal } = this.#options
    await announced(signal)
    const looking = this.#looking.then(async () => { await this.#lookOnce() })
    this.#looking = looking.catch(() => {})
    await looking
    const before = this.#running
    this.#running = this.#runningNow()
    return shown(this.#running) !== shown(before)
  }

  /** Why a topic of the source must not be mirrored; undefined: none of the flows leads back. */
  refusalOf (topic: string, { topics }: Pick<FlowConfig, 'topics'>): ReplicatorError | undefined {
    const { name, source, target } = this.#options
    const found = this.#running.find(({ back }) =>
      back !== undefined && comesBack(topic, topics, back))
    if (found === undefined) return undefined
    const { member: { address }, progressTopic } = found
    const at = address === '' ? '' : ` (a process of it serves ${address})`
    return new ReplicatorError('MIRROR_LOOP', `${name} mirrors ${topic} to ${target.alias} as ` +
      `${topics.policy.remoteTopic(topic)}, and the flow whose progress topic on ` +
      `${source.alias} is ${progressTopic} mirrors that back to ${source.alias}${at}`)
  }

  /** Idempotent. */
  async close (): Promise<void> { await this.#topics.close() }

  async #lookOnce (): Promise<void> {
    const { log, name, signal, source } = this.#options
    try {
      await this.#topics.read(signal)
    } catch (thrown) {
      if (signal.aborted) throw thrown
      const error = ReplicatorError.from(thrown)
      if (error.errorName === 'CLOSED') return
      this.#logOnce(error.detail, text => {
        log.info({ err: error }, `${name} cannot see whether another flow mirrors its topics ` +
          `back to ${source.alias}: ${text}`)
      })
      return
    }
    for (const topic of this.#flows.keys()) {
      if (!this.#topics.names.has(topic)) this.#flows.delete(topic)
    }
    this.#logEnded()
  }

  #take (topic: string, { atMs, isFirst, key, value }: SlotRecordRead): void {
    const flow = this.#flows.get(topic) ?? { producers: [], members: new FlowMembers() }
    this.#flows.set(topic, flow)
    if (decodeKey(key)?.kind === 'producer') {
      const entry = decodeProgress(key, value)
      if (entry?.kind === 'producer') flow.producers.push(entry.producer)
      return
    }
    const record = decodeControl(key, value)
    if (record === undefined || typeof record === 'string') return
    if (record.kind === 'none') flow.members.left(memberOf(record.key))
    if (record.kind !== 'member') return
    const { clock } = this.#options
    // A process that announced itself before this look may have been killed since. The clocks of
    // hosts differ: a process that wrongly counts as dead announces itself again within announceMs.
    const ageMs = isFirst && atMs !== undefined && atMs > 0 ? Math.max(0, clock.now() - atMs) : 0
    flow.members.announced(record.member, clock.monotonic() - ageMs, !isFirst)
  }

  #flowsBack (): ReadonlyArray<readonly [progressTopic: string, flow: OtherFlow]> {
    const { target } = this.#options
    return [...this.#flows].filter(([, { producers }]) =>
      agreedOf(producers)?.sourceClusterId === target.clusterId)
  }

  /** Filters are compiled here, once for each look, because the flow checks every topic. */
  #runningNow (): readonly RunningProcess[] {
    const now = this.#options.clock.monotonic()
    return this.#flowsBack().flatMap(([progressTopic, { members }]) =>
      members.present(now).map(member => ({
        progressTopic, member, back: announcedTopics(member.settings, aliasIn(progressTopic))
      })))
  }

  /**
   * The operator wants this after a switch of the direction, but not the records that return.
   */
  #logEnded (): void {
    const { clock, log, name, source, target } = this.#options
    for (const [progressTopic, { members, producers }] of this.#flowsBack()) {
      if (members.present(clock.monotonic()).length > 0) continue
      if (agreedOf(producers)?.keepsNames !== true) continue
      this.#logOnce(progressTopic, () => {
        log.warn({ topic: progressTopic }, `${name}: a flow that does not run any more has ` +
          `mirrored topics of ${target.alias} to ${source.alias} under their names (its progress ` +
          `topic is ${progressTopic}). Where this flow mirrors the same topics, it brings these ` +
          `records back to ${target.alias} once; same.names.both.ways=true leaves them out`)
      })
    }
  }

  #logOnce (what: string, say: (what: string) => void): void {
    if (this.#said.has(what)) return
    this.#said.add(what)
    say(what)
  }
}

function shown (running: readonly RunningProcess[]): string {
  return JSON.stringify(running.map(({ member, progressTopic }) =>
    [progressTopic, member.settings]))
}

function aliasIn (progressTopic: string): string {
  return progressTopic.slice(progressTopicPrefix.length).replace(/\.internal$/, '')
}
