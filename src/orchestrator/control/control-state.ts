// The operators' orders that are in force: what is paused, which partitions must continue at
// another offset, the log level, the bandwidth and the shares of topics in it. Pure.
import { partitionKey, type TopicPartition } from '../progress/progress.ts'
import {
  scopeText, type ControlScope, type LogLevelRecord, type PauseRecord, type RetryRecord,
  type ShareRecord, type SkipRecord, type ThrottleRecord
} from './control-record.ts'

/** So many one-time orders are remembered, the newest: no operator orders more within seconds. */
const onceMax = 1_000

/** An order that holds until the next one, or until it is carried out. */
export type StandingOrder =
  | PauseRecord | SkipRecord | LogLevelRecord | ThrottleRecord | ShareRecord

/** The part that only reads. */
export type OrdersInForce = Omit<ControlState, 'apply' | 'orders' | 'takeOnce' | 'withdraw'>

export class ControlState {
  readonly #pauses = new Map<string, PauseRecord>()
  /** By topic. */
  readonly #shares = new Map<string, ShareRecord>()
  readonly #skips = new Map<string, SkipRecord>()
  #logLevel: LogLevelRecord | undefined
  #throttle: ThrottleRecord | undefined
  /** The ids of one-time orders, oldest first. */
  readonly #once = new Set<string>()

  /** Skips that no process has carried out yet. */
  get skips (): readonly SkipRecord[] { return [...this.#skips.values()] }

  get pauses (): readonly PauseRecord[] { return [...this.#pauses.values()] }

  /** Undefined: the level of each process's file. */
  get logLevel (): LogLevelRecord | undefined { return this.#logLevel }

  /** Undefined: `bandwidth.max` of the file. */
  get throttle (): ThrottleRecord | undefined { return this.#throttle }

  /** Topics without one have `bandwidth.share` of the file. */
  get shares (): readonly ShareRecord[] { return [...this.#shares.values()] }

  /** How many orders are in force, by the word of the command. */
  get counts (): Readonly<Record<string, number>> {
    return {
      'pause': this.#pauses.size,
      'skip': this.#skips.size,
      'throttle': this.#throttle === undefined ? 0 : 1,
      'share': this.#shares.size,
      'log-level': this.#logLevel === undefined ? 0 : 1
    }
  }

  /** Whoever reads these knows all that this state knows. */
  get orders (): readonly StandingOrder[] {
    const ofFlow = [this.#logLevel, this.#throttle].flatMap(order => order ?? [])
    return [...this.#pauses.values(), ...this.#skips.values(), ...this.#shares.values(), ...ofFlow]
  }

  apply (record: StandingOrder): void {
    if (record.kind === 'share') {
      const { percent, scope: { topic } } = record
      if (percent === undefined) this.#shares.delete(topic)
      else this.#shares.set(topic, record)
    } else if (record.kind === 'throttle') {
      this.#throttle = record.bytesPerSecond === undefined ? undefined : record
    } else if (record.kind === 'logLevel') {
      this.#logLevel = record.level === undefined ? undefined : record
    } else if (record.kind === 'skip') {
      this.#skips.set(partitionKey(record.source), record)
    } else if (record.isPaused) {
      this.#pauses.set(scopeKey(record.scope), record)
    } else {
      this.#pauses.delete(scopeKey(record.scope))
    }
  }

  /**
   * False: the order was read before. After the log was recreated, a process reads it from its
   * start again when it learns of the recreation, and may have read some of its records by then.
   */
  takeOnce ({ id }: Pick<RetryRecord, 'id'>): boolean {
    if (this.#once.has(id)) return false
    this.#once.add(id)
    const [oldest] = this.#once
    if (this.#once.size > onceMax && oldest !== undefined) this.#once.delete(oldest)
    return true
  }

  /** The order under this key is withdrawn; `key` as control-record.ts writes it. */
  withdraw (key: string): void {
    if (key === JSON.stringify({ control: 'logLevel' })) this.#logLevel = undefined
    if (key === JSON.stringify({ control: 'throttle' })) this.#throttle = undefined
    for (const topic of this.#shares.keys()) {
      if (key === JSON.stringify({ control: 'share', topic })) this.#shares.delete(topic)
    }
    for (const [name, { source }] of this.#skips) {
      if (key === JSON.stringify({ control: 'skip', ...source })) this.#skips.delete(name)
    }
    for (const [name, { scope }] of this.#pauses) {
      if (key === JSON.stringify({ control: 'pause', ...scope })) this.#pauses.delete(name)
    }
  }

  /** Percent of the bandwidth; undefined: `bandwidth.share` of the file. */
  shareOf (topic: string): number | undefined { return this.#shares.get(topic)?.percent }

  /**
   * Why the partition is paused; undefined: it is not paused. Each scope has a separate switch: a
   * partition runs only if neither the flow, nor its topic, nor the partition is paused. Of several
   * pauses, the one of the widest scope is returned.
   */
  pauseOf ({ partition, topic }: TopicPartition): PauseRecord | undefined {
    const scopes: readonly ControlScope[] = [{}, { topic }, { topic, partition }]
    return scopes.flatMap(scope => this.#pauses.get(scopeKey(scope)) ?? [])[0]
  }
}

/** So many pauses are named; the others are counted. */
const namedMax = 5

/**
 * What the end of the pause of this scope does not do: nothing, if the scope has no pause; and
 * partitions stay paused that a pause of a wider or a narrower scope holds. Undefined: neither.
 */
export function resumeDoubtOf (
  scope: ControlScope, pauses: readonly PauseRecord[]
): string | undefined {
  const own = scopeKey(scope)
  const isPaused = pauses.some(each => scopeKey(each.scope) === own)
  const others = pauses.filter(each => scopeKey(each.scope) !== own && overlap(each.scope, scope))
  const named = others.slice(0, namedMax)
    .map(({ by, reason, scope: held }) => `${scopeText(held)} (by ${by}: ${reason})`)
  const more = others.length > namedMax ? ` and ${others.length - namedMax} more` : ''
  const doubts = [
    ...isPaused ? [] : [`${scopeText(scope)} has no pause of its own`],
    ...others.length === 0
      ? []
      : [`still paused: ${named.join(', ')}${more}; resume each by its topic and partition`]
  ]
  return doubts.length === 0 ? undefined : doubts.join('; ')
}

/** Whether one of the scopes contains the other. */
function overlap (one: ControlScope, other: ControlScope): boolean {
  const topics = new Set([one.topic, other.topic].filter(each => each !== undefined))
  const partitions = new Set([one.partition, other.partition].filter(each => each !== undefined))
  return topics.size <= 1 && partitions.size <= 1
}

/** Whether an order of this scope applies to the partition. */
export function isMeant (
  { scope }: Pick<RetryRecord, 'scope'>, { partition, topic }: TopicPartition
): boolean {
  return (scope.topic === undefined || scope.topic === topic) &&
    (scope.partition === undefined || scope.partition === partition)
}

function scopeKey ({ partition, topic }: ControlScope): string {
  return JSON.stringify([topic, partition])
}
