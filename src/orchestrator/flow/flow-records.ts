// Reads and writes the control records of one flow in its progress topic, for commands: no process
// of the flow is needed. A running process reads the same records in flow-control.ts.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { plural } from '../observability/format.ts'
import type { Log } from '../observability/log.ts'
import { slotOf } from '../progress/task-slots.ts'
import { OffsetLookup, progressStoreOf } from '../offsets/offset-lookup.ts'
import type { ProgressStore } from '../progress/progress-store.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import type { PartitionOnRecord } from '../progress/slot-contents.ts'
import type { Clock } from '../time/clock.ts'
import {
  decodeControl, encodeControl, memberOf, type ControlScope, type FlowMember, type Order,
  type SkipRecord
} from '../control/control-record.ts'
import { ControlState } from '../control/control-state.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import type { ClusterPair } from './cluster-pair.ts'

export interface FlowRecordsOptions {
  readonly flow: FlowConfig
  readonly log: Log
  readonly clock: Clock
}

/** The records of a flow in its progress topic. */
export interface FlowOnRecord {
  /** By partitionKey. */
  readonly partitions: ReadonlyMap<string, PartitionOnRecord>
  readonly members: readonly FlowMember[]
  readonly control: ControlState
}

// Slot 0, in which control-record.ts puts all control records.
const controlSlot = 0

export class FlowRecords {
  readonly #store: ProgressStore
  readonly #lookup: OffsetLookup

  constructor ({ clock, flow, log }: FlowRecordsOptions) {
    this.#store = progressStoreOf(flow, log, clock)
    this.#lookup = new OffsetLookup(flow, this.#store)
  }

  async read (signal: AbortSignal): Promise<FlowOnRecord> {
    const partitions = await this.#lookup.all(signal)
    const members = new Map<string, FlowMember>()
    const control = new ControlState()
    for (const { key, value } of await this.#store.readOthers(controlSlot, signal)) {
      const record = decodeControl(key, value)
      if (record === undefined || typeof record === 'string') continue
      switch (record.kind) {
        case 'member':
          members.set(record.member.name, record.member)
          break
        case 'pause':
        case 'skip':
        case 'logLevel':
        case 'throttle':
        case 'share':
          control.apply(record)
          break
        case 'retry': // was for the processes that ran then
        case 'reload':
          break
        case 'none':
          control.withdraw(record.key)
          members.delete(memberOf(record.key))
      }
    }
    return {
      partitions: new Map(partitions.map(each => [partitionKey(each.source), each])),
      members: [...members.values()],
      control
    }
  }

  /** The positions now, by partitionKey; without the partitions that have no position. */
  async positionsOf (
    wanted: readonly TopicPartition[], signal: AbortSignal
  ): Promise<ReadonlyMap<string, Progress>> {
    const slots = await this.#lookup.slots()
    const wantedSlots = new Set(wanted.map(each => slotOf(each.topic, each.partition, slots)))
    const read = await Promise.all([...wantedSlots].map(async slot =>
      await this.#store.read(slot, signal)))
    return new Map(read.flatMap(({ partitions }) => [...partitions]
      .map(([name, { progress }]): [string, Progress] => [name, progress])))
  }

  /** Undefined: the partition has no position. */
  async progressOf (source: TopicPartition, signal: AbortSignal): Promise<Progress | undefined> {
    return await this.#lookup.progressOf(source, signal)
  }

  /** Resolves once the order is written: running processes apply it within seconds. */
  async order (record: Order, signal: AbortSignal): Promise<void> {
    await this.#store.writeOthers(controlSlot, [encodeControl(record)], signal)
  }

  async close (): Promise<void> { await this.#store.close() }
}

/** Returns the result of `work` with the records of the flow; closes them in any case. */
export async function withFlowRecords<Found> (
  options: FlowRecordsOptions, work: (records: FlowRecords) => Promise<Found>
): Promise<Found> {
  const records = new FlowRecords(options)
  try {
    return await work(records)
  } finally {
    await records.close()
  }
}

/**
 * The partition must have a position. A skip must go forward, at most to the end of the source's
 * log: beyond it, the partition would take missing records for lost ones, and no skip goes back.
 */
export async function refuseSkip (
  { source: { partition, topic }, to }: Pick<SkipRecord, 'source' | 'to'>,
  progress: Progress | undefined, { source }: Pick<ClusterPair, 'source'>
): Promise<void> {
  const name = `${topic}-${partition}`
  if (progress === undefined) {
    throw new ReplicatorError('CONTROL_REFUSED', `${name} has no position: nothing of it is ` +
      'mirrored yet, so start.positions says where it begins')
  }
  if (to <= progress.upstream) {
    throw new ReplicatorError('CONTROL_REFUSED', `${name} is at source offset ` +
      `${progress.upstream} and can only skip to a later one, not to ${to}`)
  }
  const [listed] = await listOffsetsPatiently(
    source, [{ topic, partition, at: 'latest' }], 'read_uncommitted')
  if (listed?.error !== undefined) throw listed.error
  const end = listed?.offset ?? -1n
  if (to <= end) return
  throw new ReplicatorError('CONTROL_REFUSED', `${name} ends at source offset ${end} and cannot ` +
    `skip beyond it, to ${to}: records that do not exist yet would be left out`)
}

/**
 * Why the flow mirrors no topic or partition of this name now (the name may be mistyped);
 * undefined: it does.
 */
export async function doubtOf (
  { partition, topic }: ControlScope, flow: FlowConfig, { source }: Pick<ClusterPair, 'source'>
): Promise<string | undefined> {
  if (topic === undefined) return undefined
  const verdict = judgeTopic(flow.topics, topic)
  if (verdict !== 'mirrored') return `the flow does not mirror ${topic} (${verdict})`
  const [described] = await source.describeTopics([topic])
  if (described === undefined || described.error !== undefined) {
    return `${flow.source.alias} has no topic ${topic}`
  }
  const { partitions } = described
  return partition === undefined || partition < partitions.length
    ? undefined
    : `${topic} has ${plural(partitions.length, 'partition')}, and no partition ${partition}`
}

/** A flow that has never run has no progress topic: no order can be written or shown. */
export async function refuseNeverRun (flow: FlowConfig, target: ClusterAdmin): Promise<void> {
  const topic = progressTopicOf(flow.source.alias)
  if ((await target.listTopics()).some(({ name }) => name === topic)) return
  throw new ReplicatorError('CONTROL_REFUSED', `${flow.name} has never run: ` +
    `${flow.target.alias} has no topic ${topic}`,
  { action: 'Start it with longhaul run FILE; if it has run, check the aliases in the file' })
}
