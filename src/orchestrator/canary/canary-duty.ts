// Sends records through the flow and looks whether they arrive: writes one to an own topic of the
// source each interval, which is mirrored as every topic, and reads the remote topic.
import {
  ensureInternalTopic, InternalTopic, writeError, type InternalTopicUse, type InternalTopicWriter
} from '../cluster/internal-topic.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { TopicReader } from '../cluster/topic-reader.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Duty } from '../ownership/duties.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import { CanaryAccount, outstandingMax, type CanarySighting } from './canary-account.ts'
import type { CanaryFigures } from './canary-figures.ts'
import { decodeCanary, encodeCanary } from './canary-record.ts'

export interface CanaryDutyOptions {
  readonly config: Pick<FlowConfig, 'name' | 'source' | 'target' | 'settings'>
  /** The topic on the source, and its remote topic. */
  readonly topic: string
  readonly remoteTopic: string
  /** The owner of this slot has the duty. */
  readonly slot: number
  readonly source: CanaryAdmin
  readonly target: CanaryAdmin
  readonly openWriter: () => InternalTopicWriter
  readonly openReader: (side: 'source' | 'target', topic: string) => CanaryReader
  /** A name that no other owner of the duty has had; asked once for each. */
  readonly writer: () => string
  /** Whether an operator has paused the topic. */
  readonly isPaused: () => boolean
  /** The topic has just been created: the flow need not wait for its next look at topics. */
  readonly onCreated: () => void
  readonly figures: CanaryFigures
  readonly clock: Clock
}

type CanaryAdmin = Pick<ClusterAdmin, 'describeTopics' | 'createTopics' | 'listOffsets'>
type CanaryReader = Pick<TopicReader, 'close' | 'read'>

/** Each holds about 250 bytes. A flow that was stopped for longer begins anew. */
const topicConfigs = { 'cleanup.policy': 'delete', 'retention.ms': String(24 * 3600 * 1000) }
/** The share of an interval in which a record is waited for; the next run looks again. */
const waitShare = 0.8
const lookBackoff = { firstMs: 20, maxMs: 500, growth: 1.5 }
/** Where the progress of the last owner is searched: at the end of the topic on the source. */
const lastRecords = 20n
/** A client of a hung cluster is closed after the end of the duty. */
const endMsMax = 500

export function canaryDuty (options: CanaryDutyOptions): Duty {
  const { clock, config: { settings }, figures, slot } = options
  let canary: Canary | undefined
  return {
    name: 'canary',
    slot,
    intervalMs: settings['canary.interval.ms'],
    run: async (_slot, signal) => {
      canary ??= new Canary(options)
      await canary.run(signal)
    },
    end: async () => {
      const ending = canary
      canary = undefined
      figures.outstandingMs = undefined
      const deadline = new Deadline(clock, endMsMax)
      await deadline.bound(ending?.end(deadline.signal) ?? Promise.resolve())
      deadline.cancel()
    }
  }
}

interface Log {
  readonly reader: CanaryReader
  next: bigint
}

/** From the acquisition of the slot to its release. */
class Canary {
  readonly #options: CanaryDutyOptions
  readonly #topic: InternalTopic
  #account: CanaryAccount | undefined
  readonly #source: Log
  readonly #target: Log
  /** Records of the target that the source has not shown yet. */
  #sightings: CanarySighting[] = []
  readonly #writer: string
  #number = 0

  constructor (options: CanaryDutyOptions) {
    this.#options = options
    const { clock, config: { settings }, openReader, openWriter, remoteTopic, topic } = options
    this.#writer = options.writer()
    this.#topic = new InternalTopic({
      name: topic,
      replicationFactor: settings['canary.topic.replication.factor'],
      configs: topicConfigs,
      admin: options.source,
      openWriter,
      clock
    })
    this.#source = { reader: openReader('source', topic), next: 0n }
    this.#target = { reader: openReader('target', remoteTopic), next: 0n }
  }

  async run (signal: AbortSignal): Promise<void> {
    const { clock, config: { settings }, figures, isPaused } = this.#options
    const account = this.#account ??= await unlessAborted(signal, this.#begin(signal))
    const endMs = clock.monotonic() + settings['canary.interval.ms'] * waitShare
    const isHeld = isPaused()
    if (isHeld) account.excuse(clock.monotonic())
    let failure: unknown
    try {
      if (!isHeld && account.outstanding < outstandingMax) {
        await this.#on('source', signal, this.#write(account, signal))
      }
    } catch (thrown) {
      signal.throwIfAborted()
      failure = thrown // a source without an answer does not hide what the target received
    }
    try {
      await this.#look(account, endMs, signal)
    } catch (thrown) {
      account.excuse(clock.monotonic())
      throw thrown
    }
    figures.outstandingMs = account.judge(clock.monotonic())
    if (failure !== undefined) throw ReplicatorError.from(failure)
  }

  /**
   * The last record tells the next owner what is counted; if it cannot be written, the next owner
   * counts again what this one has counted since the record before.
   */
  async end (signal: AbortSignal): Promise<void> {
    const account = this.#account
    if (account?.progress !== undefined && !this.#options.isPaused()) {
      await this.#write(account, signal).catch(() => {})
    }
    await Promise.all([
      this.#topic.close(), this.#source.reader.close(), this.#target.reader.close()
    ])
  }

  /** Continues where the last owner was, if both logs still hold that place. */
  async #begin (signal: AbortSignal): Promise<CanaryAccount> {
    const { config: { settings }, figures, onCreated, source, topic } = this.#options
    const { 'canary.topic.replication.factor': replicationFactor } = settings
    const isNew = await this.#on('source', signal, ensureInternalTopic(
      { admin: source, name: topic, replicationFactor, configs: topicConfigs }))
    if (isNew) onCreated()
    const [onSource, onTarget] = await Promise.all([
      this.#on('source', signal, boundsOf(source, topic)),
      this.#on('target', signal, boundsOf(this.#options.target, this.#options.remoteTopic))
    ])
    const progress = await this.#on('source', signal, this.#lastProgress(onSource, signal))
    const isHeld = progress !== undefined &&
      holds(onSource, progress.context.source) && holds(onTarget, progress.context.target)
    this.#source.next = isHeld ? progress.context.source : onSource.end
    this.#target.next = isHeld ? progress.context.target : onTarget.end
    return new CanaryAccount({
      figures, progress: isHeld ? progress : undefined, lateMs: settings['canary.late.ms']
    })
  }

  async #lastProgress (
    { end, start }: LogBounds, signal: AbortSignal
  ): Promise<CanaryProgressOfRecord> {
    const from = end - lastRecords > start ? end - lastRecords : start
    let found: CanaryProgressOfRecord
    if (end > from) {
      await this.#source.reader.read(0, from, (_key, value) => {
        found = decodeCanary(value)?.progress ?? found
      }, signal)
    }
    return found
  }

  async #write (account: CanaryAccount, signal: AbortSignal): Promise<void> {
    const { clock, figures } = this.#options
    const id = `${this.#writer} ${++this.#number}`
    account.writing(id, clock.monotonic())
    const value = encodeCanary({ id, progress: account.progress })
    await this.#topic.write([{ key: Buffer.from('canary'), value }], signal)
    figures.add('written')
  }

  /** Until nothing is outstanding, or the time is over. */
  async #look (account: CanaryAccount, endMs: number, signal: AbortSignal): Promise<void> {
    const { clock, isPaused } = this.#options
    let waitMs = lookBackoff.firstMs
    for (let isFirst = true; ; isFirst = false) {
      await this.#on('target', signal, this.#readTarget(signal))
      if (isFirst || this.#sightings.length > 0) {
        await this.#on('source', signal, this.#readSource(account, signal))
      }
      this.#match(account)
      if (account.outstanding === 0 || clock.monotonic() + waitMs > endMs || isPaused()) return
      await clock.sleep(waitMs, signal)
      waitMs = Math.min(waitMs * lookBackoff.growth, lookBackoff.maxMs)
    }
  }

  async #readTarget (signal: AbortSignal): Promise<void> {
    const log = this.#target
    try {
      log.next = await log.reader.read(0, log.next, (_key, value, offset) => {
        const content = decodeCanary(value)
        if (content !== undefined) this.#sightings.push({ id: content.id, offset })
      }, signal)
    } catch (thrown) {
      // The remote topic is created once the flow has seen the topic.
      if (!isMissing(thrown)) throw thrown
      log.next = 0n
    }
  }

  async #readSource (account: CanaryAccount, signal: AbortSignal): Promise<void> {
    const log = this.#source
    const { clock } = this.#options
    const end = await log.reader.read(0, log.next, (_key, value, offset) => {
      const content = decodeCanary(value)
      if (content !== undefined) account.onSource({ id: content.id, offset }, clock.monotonic())
    }, signal)
    // The topic was recreated, or its leader lost records: nothing of before can be compared.
    if (end < log.next) this.#account = undefined
    log.next = end
  }

  #match (account: CanaryAccount): void {
    const { clock, figures } = this.#options
    for (const sighting of this.#sightings) {
      if (account.onTarget(sighting, clock.monotonic())) figures.lastArrivalMs = clock.now()
    }
    this.#sightings = []
  }

  async #on<T> (side: 'source' | 'target', signal: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (thrown) {
      signal.throwIfAborted()
      throw writeError(thrown, canaryUse(this.#options, side))
    }
  }
}

type CanaryProgressOfRecord = NonNullable<ReturnType<typeof decodeCanary>>['progress']

interface LogBounds {
  readonly start: bigint
  readonly end: bigint
}

function holds ({ end, start }: LogBounds, offset: bigint): boolean {
  return offset >= start && offset <= end
}

/** Empty for a topic that does not exist. */
async function boundsOf (
  admin: Pick<ClusterAdmin, 'listOffsets'>, topic: string
): Promise<LogBounds> {
  // One request names a partition once.
  const [start, end] = await Promise.all((['earliest', 'latest'] as const).map(async at => {
    const [listed] = await admin.listOffsets([{ topic, partition: 0, at }], 'read_uncommitted')
    if (isMissing(listed?.error)) return 0n
    if (listed?.error !== undefined) throw listed.error
    return listed?.offset ?? 0n
  }))
  return { start: start ?? 0n, end: end ?? 0n }
}

function isMissing (thrown: unknown): boolean {
  return thrown instanceof ReplicatorError && thrown.errorName === 'UNKNOWN_TOPIC_OR_PARTITION'
}

/** The error with which the source would refuse now; undefined: none. Creates nothing. */
export async function checkCanary (
  options: Pick<CanaryDutyOptions, 'config' | 'topic' | 'remoteTopic'>,
  admin: Pick<ClusterAdmin, 'describeTopics' | 'createTopics'>
): Promise<ReplicatorError | undefined> {
  const replicationFactor = options.config.settings['canary.topic.replication.factor']
  try {
    await ensureInternalTopic({ admin, name: options.topic, replicationFactor },
      { validateOnly: true })
    return undefined
  } catch (thrown) {
    return writeError(thrown, canaryUse(options, 'source'))
  }
}

function canaryUse (
  { config, remoteTopic, topic }: Pick<CanaryDutyOptions, 'config' | 'topic' | 'remoteTopic'>,
  side: 'source' | 'target'
): InternalTopicUse {
  const name = side === 'source' ? topic : remoteTopic
  const { alias } = config[side]
  return {
    name,
    cluster: alias,
    replicationFactor: config.settings['canary.topic.replication.factor'],
    factorSetting: 'canary.topic.replication.factor',
    refusal: 'CANARY_REFUSED',
    what: 'the canary of',
    where: `${config.name}, topic ${name} on ${alias}`,
    needs: side === 'source' ? 'CREATE, WRITE and READ' : 'READ',
    off: `set ${config.name}.canary.enabled=false to write none`
  }
}
