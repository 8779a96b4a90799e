// Makes every process of a flow obey operators and know the other processes: follows the orders in
// slot 0 of the progress topic, passes them to the partitions, announces this process. A one-time
// order is carried out once: a retry by the processes that run when it arrives, a skip by the
// process that owns the partition at that time, which then removes the order.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { LogLevel } from '../observability/log-levels.ts'
import type { Log } from '../observability/log.ts'
import type { EncodedRecord } from '../progress/progress-record.ts'
import type { TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import {
  bandwidthText, decodeControl, encodeControl, encodeControlEnd, memberOf, type ControlRecord,
  scopeText, type FlowMember, type LogLevelRecord, type Order, type PauseRecord,
  type ReloadRecord, type RetryRecord, type ShareRecord, type SkipRecord, type ThrottleRecord
} from './control-record.ts'
import { ControlState, isMeant, type OrdersInForce } from './control-state.ts'
import { announceMs, differences, FlowMembers } from './flow-members.ts'

/** How the partitions of a flow obey an order. */
export interface ControlledPartitions {
  /** `pauseOf` holds until the next call, also for partitions that are added later. */
  setPauses (pauseOf: (partition: TopicPartition) => PauseRecord | undefined): void
  retry (isMeant: (partition: TopicPartition) => boolean): Promise<void>
  /** False: this process does not mirror the partition, or the partition cannot obey now. */
  skip (partition: TopicPartition, skip: SkipRecord): boolean
  /** The next source offset of a partition of this process; undefined: no position is known. */
  upstreamOf (partition: TopicPartition): bigint | undefined
}

/** How the process obeys orders that concern more than partitions. */
export interface ControlledProcess {
  /** Reads the file of the process again. Returns at once. */
  reload (): void
  /** Undefined: the level of the file. */
  setLogLevel (level: LogLevel | undefined): void
}

/** The log that holds the orders. */
export interface ControlLog {
  /** The records since the last call, oldest first; the first call returns all records. */
  read (signal: AbortSignal): Promise<readonly EncodedRecord[]>
  write (records: readonly EncodedRecord[], signal?: AbortSignal): Promise<void>
}

export interface FlowControlOptions {
  readonly log: Log
  readonly controlLog: ControlLog
  readonly partitions: ControlledPartitions
  /** Absent: the process has no file, as in the demo. */
  readonly process?: ControlledProcess | undefined
  /** This process. */
  readonly member: FlowMember
  /** The slots that this process owns now. */
  readonly slots?: () => readonly number[]
  /** Whether this process owns slot 0: then it removes members that have left. */
  readonly isKeeper: () => boolean
  readonly onError: (error: ReplicatorError) => void
  readonly clock: Clock
}

const followMs = 1_000
const leaveMsMax = 500
/** How long partitions wait for the first reading; slot 0 may have no leader for hours. */
const knownMsMax = 10_000

export class FlowControl {
  readonly #options: FlowControlOptions
  #member: FlowMember
  readonly #state = new ControlState()
  readonly #members = new FlowMembers()
  readonly #following: IntervalLoop
  readonly #announcing: IntervalLoop
  /** Skips that were passed to a partition of this process, by id. */
  readonly #ordered = new Set<string>()
  /** The last log line about the settings of each other member. */
  readonly #said = new Map<string, string>()
  /** As this process has announced them last. */
  #announcedSlots: readonly number[] | undefined
  #hasRead = false
  /** The log was recreated, and does not hold the orders in force yet. */
  #mustSayAgain = false
  /** Of the first reading; false: this process stopped before that. */
  readonly #firstRead: Promise<boolean>
  #onFirstRead: (isRead: boolean) => void = () => {}
  #known: Promise<void> | undefined
  /** Of the first announcement; false: this process stopped before that. */
  readonly #firstAnnouncement: Promise<boolean>
  #onFirstAnnouncement: (isOnRecord: boolean) => void = () => {}

  constructor (options: FlowControlOptions) {
    this.#options = options
    this.#member = options.member
    const { clock, onError } = options
    this.#firstRead = new Promise(resolve => { this.#onFirstRead = resolve })
    this.#firstAnnouncement = new Promise(resolve => { this.#onFirstAnnouncement = resolve })
    const onLoopError = (thrown: unknown): void => { onError(ReplicatorError.from(thrown)) }
    const backoff = { initialMs: followMs, maxMs: announceMs }
    this.#following = new IntervalLoop({
      intervalMs: followMs,
      clock,
      run: async signal => { await this.#follow(signal) },
      onError: onLoopError,
      backoff
    })
    this.#announcing = new IntervalLoop({
      intervalMs: announceMs,
      clock,
      run: async signal => { await this.#announce(signal) },
      onError: onLoopError,
      backoff
    })
  }

  /** The live processes of the flow, this process included. */
  get members (): readonly FlowMember[] {
    return this.#members.present(this.#options.clock.monotonic())
  }

  /** The orders in force. */
  get state (): OrdersInForce { return this.#state }

  /** Resolves once the order is on record; every process applies it at its next reading. */
  async say (order: Order, signal?: AbortSignal): Promise<void> {
    await this.#options.controlLog.write([encodeControl(order)], signal)
    this.#following.wake()
  }

  /**
   * The log was recreated: this process writes the orders in force, after it has read what other
   * processes and operators have written to the new log. Several processes may write the same
   * orders under the same keys.
   */
  sayAgain (): void {
    this.#mustSayAgain = true
    this.#following.wake()
    this.#announcing.wake()
  }

  /** One error for each live process whose settings differ from the settings of this process. */
  get differingMembers (): readonly ReplicatorError[] {
    return this.#others().flatMap(other => this.#differenceTo(other) ?? [])
  }

  /** The settings of this process have changed. */
  announceSettings (settings: FlowMember['settings']): void {
    this.#member = { ...this.#member, settings }
    this.#said.clear()
    this.#announcing.wake()
  }

  start (): void {
    this.#following.start()
    this.#announcing.start()
    this.#known ??= this.#becomeKnown()
  }

  /**
   * Resolves once the partitions of this process obey the orders on record. Partitions that begin
   * earlier would be mirrored although an operator paused them. One leaderless partition of the
   * progress topic must not stop all slots: after ten seconds this resolves with a warning.
   */
  async known (signal: AbortSignal): Promise<void> {
    await unlessAborted(signal, this.#known ?? Promise.resolve())
  }

  /**
   * Resolves once this process is on record, so that flows that read the record afterwards know
   * this process; after ten seconds without that, because one leaderless partition must not stop
   * the flow.
   */
  async announced (signal: AbortSignal): Promise<void> {
    const wait = new Deadline(this.#options.clock, knownMsMax)
    try {
      await unlessAborted(signal, wait.bound(this.#firstAnnouncement))
    } finally {
      wait.cancel()
    }
  }

  /** Idempotent. */
  async stop (): Promise<void> {
    const { clock, controlLog } = this.#options
    const member = this.#member
    this.#onFirstRead(false)
    this.#onFirstAnnouncement(false)
    await Promise.all([this.#following.stop(), this.#announcing.stop()])
    const leaving = new AbortController()
    const bound = clock.sleep(leaveMsMax, leaving.signal).catch(() => {})
    const left = controlLog.write([encodeControlEnd({ kind: 'member', member })])
      .catch(() => {}) // the others see that it has gone
    await Promise.race([left, bound])
    leaving.abort()
  }

  async #becomeKnown (): Promise<void> {
    const { clock, onError } = this.#options
    const wait = new Deadline(clock, knownMsMax)
    const isRead = await wait.bound(this.#firstRead)
    wait.cancel()
    if (isRead === undefined) {
      onError(new ReplicatorError('CONTROL_UNKNOWN', `after ${knownMsMax / 1000} s`))
    }
  }

  async #follow (signal: AbortSignal): Promise<void> {
    const { controlLog, onError, partitions } = this.#options
    const once: Array<RetryRecord | ReloadRecord> = []
    let hasPauses = false
    // As it was before the reading: a reading that began earlier may have read the former log.
    const mustSayAgain = this.#mustSayAgain
    for (const { key, value } of await controlLog.read(signal)) {
      const record = decodeControl(key, value)
      if (record === undefined) continue
      if (typeof record === 'string') {
        onError(new ReplicatorError('CONTROL_UNREADABLE', record))
        continue
      }
      hasPauses ||= record.kind === 'pause' || record.kind === 'none'
      this.#apply(record, once)
    }
    if (hasPauses) partitions.setPauses(partition => this.#state.pauseOf(partition))
    // Orders from before this process started have had their effect: every partition begins again.
    // A retry asks both clusters about the topics: a stop does not wait for a cluster that hangs.
    if (this.#hasRead) {
      for (const order of once) await unlessAborted(signal, this.#carryOut(order))
    }
    this.#hasRead = true
    this.#onFirstRead(true)
    if (mustSayAgain) await this.#writeOrders(signal)
    await this.#carryOutSkips(signal)
    await this.#lookAtMembers(signal)
    const { slots } = this.#options
    if (slots !== undefined && String(slots()) !== String(this.#announcedSlots)) {
      this.#announcing.wake()
    }
  }

  #apply (record: ControlRecord, once: Array<RetryRecord | ReloadRecord>): void {
    switch (record.kind) {
      case 'pause':
        this.#logPause(record)
        this.#state.apply(record)
        return
      case 'skip':
        this.#state.apply(record)
        return
      case 'retry':
      case 'reload':
        if (this.#state.takeOnce(record)) once.push(record)
        return
      case 'logLevel':
        this.#state.apply(record)
        this.#setLogLevel(record)
        return
      case 'throttle':
      case 'share':
        this.#state.apply(record)
        this.#logBandwidth(record)
        return
      case 'member':
        this.#hear(record.member)
        return
      case 'none':
        this.#withdraw(record.key)
        this.#members.left(memberOf(record.key))
    }
  }

  /**
   * A process that has just started trusts only new announcements, so this process answers at once.
   */
  #hear (member: FlowMember): void {
    const now = this.#options.clock.monotonic()
    const isNew = this.#hasRead &&
      this.#members.heard(now).every(({ name }) => name !== member.name)
    this.#members.announced(member, now, this.#hasRead)
    if (isNew && member.name !== this.#member.name) this.#announcing.wake()
  }

  #withdraw (key: string): void {
    const before = this.#state.logLevel
    this.#state.withdraw(key)
    if (before !== this.#state.logLevel) this.#options.process?.setLogLevel(undefined)
  }

  #setLogLevel ({ by, level, reason }: LogLevelRecord): void {
    const { log, process } = this.#options
    process?.setLogLevel(level)
    log.warn({ by, reason },
      `the log level is ${level ?? 'that of the file'} by order of ${by}: ${reason}`)
  }

  #logBandwidth (record: ThrottleRecord | ShareRecord): void {
    const { by, reason } = record
    this.#options.log.warn({ by, reason },
      `${bandwidthText(record)} by order of ${by}: ${reason}`)
  }

  async #carryOut (record: RetryRecord | ReloadRecord): Promise<void> {
    const { log, partitions, process } = this.#options
    if (record.kind === 'reload') {
      const { by, reason } = record
      log.info({ by, reason }, `${by} asked for a reload of the file: ${reason}`)
      process?.reload()
      return
    }
    log.info({ ...record.scope, by: record.by, reason: record.reason },
      `${record.by} asked for a retry of ${scopeText(record.scope)}: ${record.reason}`)
    await partitions.retry(partition => isMeant(record, partition))
  }

  async #writeOrders (signal: AbortSignal): Promise<void> {
    const { orders } = this.#state
    if (orders.length > 0) {
      await this.#options.controlLog.write(orders.map(order => encodeControl(order)), signal)
    }
    this.#mustSayAgain = false
  }

  async #carryOutSkips (signal: AbortSignal): Promise<void> {
    const { controlLog, partitions } = this.#options
    const done: SkipRecord[] = []
    for (const skip of this.#state.skips) {
      const upstream = partitions.upstreamOf(skip.source)
      if (upstream === undefined) continue
      if (upstream >= skip.to) done.push(skip)
      else if (!this.#ordered.has(skip.id) && partitions.skip(skip.source, skip)) {
        this.#ordered.add(skip.id)
      }
    }
    if (done.length === 0) return
    await controlLog.write(done.map(skip => encodeControlEnd(skip)), signal)
    for (const skip of done) {
      this.#ordered.delete(skip.id)
      this.#state.withdraw(String(encodeControlEnd(skip).key))
    }
  }

  async #lookAtMembers (signal: AbortSignal): Promise<void> {
    const { clock, controlLog, isKeeper } = this.#options
    for (const other of this.#others()) this.#compare(other)
    const gone = isKeeper() ? this.#members.gone(clock.monotonic()) : []
    if (gone.length === 0) return
    await controlLog.write(
      gone.map(each => encodeControlEnd({ kind: 'member', member: each })), signal)
    for (const { name } of gone) this.#members.left(name)
  }

  /**
   * A process that was killed and restarted with other settings does not count as another process.
   */
  #others (): readonly FlowMember[] {
    return this.#members.heard(this.#options.clock.monotonic())
      .filter(({ name }) => name !== this.#member.name)
  }

  /** A partition that one of two processes excludes would be mirrored by neither process. */
  #compare (other: FlowMember): void {
    const error = this.#differenceTo(other)
    if (error === undefined || this.#said.get(other.name) === error.detail) return
    this.#said.set(other.name, error.detail)
    this.#options.onError(error)
  }

  /** Undefined: the settings agree. */
  #differenceTo (other: FlowMember): ReplicatorError | undefined {
    const found = differences(this.#member.settings, other.settings)
    const where = other.address === '' ? '' : ` at ${other.address}`
    return found.length === 0
      ? undefined
      : new ReplicatorError('MEMBERS_DIFFER', `${other.name}${where}: ${found.join('; ')}`)
  }

  async #announce (signal: AbortSignal): Promise<void> {
    const { clock, controlLog, slots } = this.#options
    const owned = slots?.()
    this.#announcedSlots = owned
    const member = { ...this.#member, ...owned && { slots: owned } }
    await controlLog.write([encodeControl({ kind: 'member', member })], signal)
    this.#members.announced(member, clock.monotonic(), true)
    this.#onFirstAnnouncement(true)
  }

  #logPause ({ by, isPaused, reason, scope }: PauseRecord): void {
    this.#options.log.info({ ...scope, by, reason },
      `${scopeText(scope)} is ${isPaused ? 'paused' : 'resumed'} by ${by}: ${reason}`)
  }
}
