// Logs the moves of partitions. A fault that returns with the same text is logged once, until the
// partition has been sound in between.
import type { ErrorName } from '../errors/error-table.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log, LogFields } from '../observability/log.ts'
import type { Begun } from './partition-beginnings.ts'
import type { AppliedMove } from './partition-moves.ts'
import type {
  PartitionCondition, PartitionEvent, RepeatedPart, SkippedPart
} from './partition-state.ts'
import { nameOf, type FlowPartition } from './partition-table.ts'

type RefusalEvent = Extract<PartitionEvent, { readonly kind: 'refusal' }>

export class PartitionLog {
  readonly #log: Log
  readonly #problems: FlowProblems
  /** The last line about each partition that is not sound. */
  readonly #said = new Map<number, string>()
  /** Begun partitions that no log line has named yet. */
  #begun: Begun[] = []
  #begunAtLastTick = 0

  constructor (log: Log, problems: FlowProblems) {
    this.#log = log
    this.#problems = problems
  }

  onMoved ({ before, event, partition }: AppliedMove): void {
    const { state } = partition
    const fields = { ...fieldsOf(partition), state, event: event.kind }
    if (state !== before.state) this.#log.debug(fields, `${nameOf(partition)} is ${state}`)
    if (state === 'removed') this.#said.delete(partition.id)
    switch (event.kind) {
      case 'refusal': this.#logRefused(partition, event); return
      // The lane has counted the fault, but not the decision of the policy.
      case 'keepFaulted': this.#logOnce(partition, event.error, false); return
      case 'stop': this.#logOnce(partition, event.error, true); return
      case 'recreation':
        // No lane has counted a deleted target topic, and no policy decides about one.
        if (event.error.errorName === 'TARGET_PARTITION_MISSING') this.#problems.count(event.error)
        return
      case 'resume':
        if (event.skip !== undefined) this.#logSkipped(partition, before, event.skip)
        if (event.again !== undefined) this.#logAgain(partition, before, event.again)
        return
      case 'position':
      case 'sound': this.#logSound(partition); return
      case 'pause': this.#log.info(fields, `${nameOf(partition)}: paused by ${event.by}`); return
      case 'unpause': this.#log.info(fields, `${nameOf(partition)}: paused no longer`); return
      default:
    }
  }

  /**
   * Receives partitions that begin where a policy says, not at their first record or at a position.
   */
  onBegun (begun: readonly Begun[]): void {
    this.#begun.push(...begun.filter(({ isBornLater, passedOver }) =>
      isBornLater || passedOver > 0n))
  }

  /**
   * Slots begin one by one, and so do their partitions: one log line names all of them once no more
   * partitions begin. Call it each second, and with `isEnd` the last time.
   */
  logBegun (isEnd = false): void {
    const isGrowing = this.#begun.length > this.#begunAtLastTick
    this.#begunAtLastTick = this.#begun.length
    if (this.#begun.length === 0 || (isGrowing && !isEnd)) return
    const begun = this.#begun
    this.#begun = []
    this.#begunAtLastTick = 0
    const bornLater = begun.filter(({ isBornLater }) => isBornLater)
    if (bornLater.length > 0) {
      this.#log.info({ partitions: bornLater.length }, `created since the first start of the ` +
        `flow, so mirrored from the earliest offset on: ${namesOf(bornLater)}`)
    }
    const behind = begun.filter(({ passedOver }) => passedOver > 0n)
    if (behind.length > 0) {
      const records = behind.reduce((sum, { passedOver }) => sum + passedOver, 0n)
      this.#log.info({ partitions: behind.length, records: String(records) },
        `the start position leaves out ${countOf(records)} of the source: ${namesOf(behind)}`)
    }
  }

  /** The partition stays paused; the log says now what a resume will find. */
  onPausedRecreated (partition: FlowPartition, error: ReplicatorError): void {
    if (this.#said.get(partition.id) === error.message) return
    this.#said.set(partition.id, error.message)
    const fields = { ...fieldsOf(partition), state: 'paused' }
    this.#problems.logPartition(nameOf(partition), error, fields, true)
  }

  /**
   * waiting-partitions.ts logs waiting partitions in groups; topics that fail as a whole have their
   * own lines.
   */
  #logRefused (partition: FlowPartition, { error, retryAtMs }: RefusalEvent): void {
    if (!error.retriable && retryAtMs !== Infinity) this.#logOnce(partition, error, true)
  }

  #logOnce (partition: FlowPartition, error: ReplicatorError, isNew: boolean): void {
    const text = saidOf(error)
    const isSaid = this.#said.get(partition.id) === text
    this.#said.set(partition.id, text)
    const fields = { ...fieldsOf(partition), state: 'faulted' }
    if (isSaid) this.#log.debug({ ...fields, err: error }, `${nameOf(partition)} is faulted`)
    else this.#problems.logPartition(nameOf(partition), error, fields, isNew)
  }

  #logSound (partition: FlowPartition): void {
    if (this.#said.delete(partition.id)) {
      this.#log.info(fieldsOf(partition), `${nameOf(partition)} is mirrored again`)
    }
  }

  #logSkipped (
    partition: FlowPartition, before: PartitionCondition, { reason, records, why }: SkippedPart
  ): void {
    const offsets = offsetsOf(partition, before)
    // A recreated topic counts as a skip: how many records of the deleted one are missing is
    // unknown.
    const skipped = records === 0n ? 'continues' : `skipped ${countOf(records)}, continues`
    this.#log.warn({ ...fieldsOf(partition), reason, records: String(records), ...offsets },
      `${nameOf(partition)}: ${skipped} at source offset ${offsets.toOffset}: ${why}`)
  }

  #logAgain (
    partition: FlowPartition, before: PartitionCondition, { records, why }: RepeatedPart
  ): void {
    const offsets = offsetsOf(partition, before)
    this.#log.warn({ ...fieldsOf(partition), records: String(records), ...offsets },
      `${nameOf(partition)}: mirrors up to ${records} records again, after a look from source ` +
      `offset ${offsets.toOffset}: ${why}`)
  }
}

/**
 * What makes a fault another one. A broker reports timestamp bounds relative to the current time,
 * so they differ at each retry. A recreated topic is one event, whoever reports it: a lane, the
 * topic ids or the policy, which all name another detail.
 */
function saidOf ({ action, errorName, message }: ReplicatorError): string {
  if (recreationErrors.has(errorName)) return `recreated: ${action}`
  return message.replace(/\d+/g, '#')
}

const recreationErrors: ReadonlySet<string> =
  new Set<ErrorName>(['INCONSISTENT_TOPIC_ID', 'TOPIC_RECREATED'])

function countOf (records: bigint): string {
  return records === 1n ? '1 record' : `${records} records`
}

const namesMax = 3

function namesOf (begun: readonly Begun[]): string {
  const names = begun.slice(0, namesMax).map(({ partition }) => nameOf(partition)).join(', ')
  return begun.length > namesMax ? `${names} and ${begun.length - namesMax} more` : names
}

function fieldsOf ({ partition, topic }: FlowPartition): LogFields {
  return { topic, partition }
}

function offsetsOf (
  partition: FlowPartition, before: PartitionCondition
): { readonly fromOffset: string, readonly toOffset: string } {
  return {
    fromOffset: String(before.progress?.upstream ?? -1n),
    toOffset: String(partition.progress?.upstream ?? -1n)
  }
}
