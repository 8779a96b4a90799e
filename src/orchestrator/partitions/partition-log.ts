// What the log says of the moves of partitions. A fault that comes back with the same text is said
// once, until the partition has been sound in between.
import { errorByCode } from '../errors/error-table.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log, LogFields } from '../observability/log.ts'
import type { AppliedMove } from './partition-moves.ts'
import type {
  PartitionCondition, PartitionEvent, RepeatedPart, SkippedPart
} from './partition-state.ts'
import type { FlowPartition } from './partition-table.ts'

type RefusalEvent = Extract<PartitionEvent, { readonly kind: 'refusal' }>

/** New topics and new leaders are known to all brokers sooner. */
const graceMs = 10_000

export class PartitionLog {
  readonly #log: Log
  readonly #problems: FlowProblems
  /** The last line about each partition that is not sound. */
  readonly #said = new Map<number, string>()

  constructor (log: Log, problems: FlowProblems) {
    this.#log = log
    this.#problems = problems
  }

  onMoved ({ atMs, before, event, partition }: AppliedMove): void {
    const { state } = partition
    const fields = { ...fieldsOf(partition), state, event: event.kind }
    if (state !== before.state) this.#log.debug(fields, `${nameOf(partition)} is ${state}`)
    if (state === 'removed') this.#said.delete(partition.id)
    switch (event.kind) {
      case 'report': this.#sayReport(partition); return
      case 'refusal': this.#sayRefused(partition, event, atMs); return
      case 'leave': this.#sayStopped(partition, event.error); return
      case 'stop':
        this.#problems.count(event.error) // the lane counted what it saw, not what that came to
        this.#sayStopped(partition, event.error)
        return
      case 'resume':
        if (event.skip !== undefined) this.#saySkipped(partition, before, event.skip)
        if (event.again !== undefined) this.#sayAgain(partition, before, event.again)
        return
      case 'position':
      case 'sound': this.#saySound(partition); return
      case 'pause': this.#log.info(fields, `${nameOf(partition)}: paused by ${event.by}`); return
      case 'unpause': this.#log.info(fields, `${nameOf(partition)}: paused no longer`); return
      default:
    }
  }

  #sayReport (partition: FlowPartition): void {
    const { code, detail, state } = partition.report
    if (code === 0) return
    const { name, text } = errorByCode(code)
    this.#log.warn({ ...fieldsOf(partition), state, error: name },
      `${nameOf(partition)}: ${text}; retrying (${detail})`)
  }

  /** What is new, or has just lost its leader, heals by itself: it is said only when it lasts. */
  #sayRefused (
    partition: FlowPartition, { error, retryAtMs }: RefusalEvent, nowMs: number
  ): void {
    // The topic as a whole cannot be mirrored, and that is said of the topic.
    if (retryAtMs === Infinity) return
    const lastedMs = nowMs - (partition.trouble?.sinceMs ?? nowMs)
    if (error.retriable && lastedMs < graceMs) return
    const said = `${nameOf(partition)}: ${error.message}`
    if (this.#said.get(partition.id) === said) return
    this.#problems.count(error)
    this.#log.error({ ...fieldsOf(partition), state: 'faulted', err: error }, said)
    this.#said.set(partition.id, said)
  }

  #sayStopped (partition: FlowPartition, error: ReplicatorError): void {
    const said = `${nameOf(partition)} stopped: ${error.message}`
    const fields = { ...fieldsOf(partition), state: 'faulted', err: error }
    if (this.#said.get(partition.id) === said) this.#log.debug(fields, said)
    else this.#log.error(fields, said)
    this.#said.set(partition.id, said)
  }

  #saySound (partition: FlowPartition): void {
    if (this.#said.delete(partition.id)) {
      this.#log.info(fieldsOf(partition), `${nameOf(partition)} is mirrored again`)
    }
  }

  #saySkipped (
    partition: FlowPartition, before: PartitionCondition, { reason, records, why }: SkippedPart
  ): void {
    const offsets = offsetsOf(partition, before)
    this.#log.warn({ ...fieldsOf(partition), reason, records: String(records), ...offsets },
      `${nameOf(partition)}: skipped ${records} records, going on at source offset ` +
      `${offsets.toOffset}: ${why}`)
  }

  #sayAgain (
    partition: FlowPartition, before: PartitionCondition, { records, why }: RepeatedPart
  ): void {
    const offsets = offsetsOf(partition, before)
    this.#log.warn({ ...fieldsOf(partition), records: String(records), ...offsets },
      `${nameOf(partition)}: mirrors up to ${records} records again, after a look from source ` +
      `offset ${offsets.toOffset}: ${why}`)
  }
}

function nameOf ({ partition, topic }: FlowPartition): string {
  return `${topic}-${partition}`
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
