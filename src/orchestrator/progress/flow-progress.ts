// The progress of one flow, opened: its producer id, the contents of its slots, and the way to put
// positions on record. Kept in the progress topic, or nowhere for flows that begin again at each
// start.
import type { ClusterAdmin, TopicDescription } from '../cluster/cluster-admin.ts'
import { groupSize } from '../cluster/flow-group.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import {
  agreeOnProducer, allocateProducer, checkSourceCluster, keepCarried, type AgreementOptions
} from './producer-agreement.ts'
import { ProgressKeeper } from './progress-keeper.ts'
import { retainProgressOnce, type ProgressRetentionOptions } from './progress-retention.ts'
import { ProgressStore, restoreSlots, type SlotRecord } from './progress-store.ts'
import { ensureProgressTopic, progressTopicOf } from './progress-topic.ts'
import { refuseMisplaced, slotsOf } from './topic-slots.ts'
import type { EncodedRecord } from './progress-record.ts'
import {
  isIdempotent, type ProducerIdentity, type Progress, type TopicPartition
} from './progress.ts'

export interface FlowProgress {
  readonly producer: ProducerIdentity
  /** Task slots: the partitions of the progress topic, whatever task.slots is. */
  readonly slots: number
  /** The positions of the partitions of these slots, by partitionKey. */
  restore (
    slots: readonly number[], signal?: AbortSignal
  ): Promise<ReadonlyMap<string, Progress>>
  /** Partition counts of the source's topics at the first look; undefined: none on record. */
  firstLookOf (
    slot: number, signal?: AbortSignal
  ): Promise<ReadonlyMap<string, number> | undefined>
  /** Resolves once the records are on record. */
  write (records: readonly SlotRecord[], signal?: AbortSignal): Promise<void>
  /** Writes everything again if the progress topic was lost; resolves with whether it was lost. */
  mend (): Promise<boolean>
  /** Resolves once the record says that the flow carries records of these clusters. */
  keepCarried (carried: readonly string[], signal?: AbortSignal): Promise<void>
  /** Control records and members, which are stored beside progress in slot 0. */
  readonly controlLog: {
    /** The records since the last call, oldest first; the first call returns all records. */
    read (signal: AbortSignal): Promise<readonly EncodedRecord[]>
    write (records: readonly EncodedRecord[], signal?: AbortSignal): Promise<void>
  }
  /** Checks a slot of this process once for progress of deleted topics. */
  retainOnce (
    slot: number, look: RetentionLook, signal: AbortSignal
  ): Promise<readonly TopicPartition[]>
  /** Another process may own these slots from now on. */
  forget (slots: readonly number[]): void
  close (): Promise<void>
}

export interface FlowProgressOptions {
  readonly config: FlowConfig
  readonly target: ClusterAdmin
  readonly sourceClusterId: string | null
  /** The flow's consumer group. */
  readonly group: string
  /** Everything that must be on record for the slots of this process. */
  readonly everything: () => readonly SlotRecord[]
  readonly onWarning: (error: ReplicatorError) => void
  readonly onRewritten: (error: ReplicatorError) => void
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

export type RetentionLook =
  Pick<ProgressRetentionOptions, 'source' | 'isMirrored' | 'onRemoved'>

const controlSlot = 0

export async function openFlowProgress (options: FlowProgressOptions): Promise<FlowProgress> {
  const { clock, config: { settings }, everything, onRewritten, signal } = options
  const { described, isFollowed, slots } = await findSlots(options)
  const { agreement, store } = openStore(options, slots)
  try {
    const { topicId } = await ensureProgressTopic(agreement, described, signal)
    if (isFollowed) await refuseMisplaced(agreement, signal)
    const producer = await agreeOnProducer(agreement, undefined, signal)
    if (!isIdempotent(producer)) {
      options.onWarning(new ReplicatorError('TARGET_NOT_IDEMPOTENT', options.target.cluster))
    }
    const keeper = new ProgressKeeper(
      { agreement, store, producer, topicId, everything, onRewritten })
    return {
      producer,
      slots,
      restore: async (slots, end) => await restoreSlots(store, slots, producer, end),
      firstLookOf: async (slot, end) => (await store.read(slot, end)).firstLook,
      write: async (records, end) => { await keeper.write(records, end) },
      mend: async () => await keeper.mend(),
      keepCarried: async (carried, end) => { await keepCarried(agreement, carried, end) },
      controlLog: {
        read: async end => await keeper.readOthers(controlSlot, end),
        write: async (records, end) => { await store.writeOthers(controlSlot, records, end) }
      },
      retainOnce: async (slot, look, end) => {
        const retentionMs = settings['progress.retention.ms']
        return await retainProgressOnce(slot, { ...look, store, retentionMs, clock }, end)
      },
      forget: slots => {
        // Every process follows the control slot. A new reading from its start would return every
        // order again, so a retry would be carried out twice.
        for (const slot of slots) if (slot !== controlSlot) store.forget(slot)
      },
      close: async () => { await store.close() }
    }
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/** Rejects with the errors of openFlowProgress() that a check without changes can find. */
export async function checkFlowProgress (options: StoreOptions): Promise<void> {
  const { described, isFollowed, slots } = await findSlots(options)
  const { agreement, store } = openStore(options, slots)
  try {
    if (isFollowed) await refuseMisplaced(agreement, options.signal)
    const { isCreated: isMissing } =
      await ensureProgressTopic({ ...agreement, validateOnly: true }, described)
    if (!isMissing) await checkSourceCluster(agreement, options.signal)
  } finally {
    await store.close()
  }
}

type StoreOptions = Omit<FlowProgressOptions, 'everything' | 'onRewritten'>

async function findSlots (
  { config: { settings, source }, onWarning, target }: StoreOptions
): Promise<{
    readonly described: TopicDescription | undefined
    readonly slots: number
    readonly isFollowed: boolean
  }> {
  const topic = progressTopicOf(source.alias)
  const ofFile = settings['task.slots']
  const [described] = await target.describeTopics([topic])
  const slots = slotsOf(described) ?? ofFile
  if (slots === ofFile) return { described, slots, isFollowed: false }
  onWarning(new ReplicatorError('PROGRESS_SLOTS_DIFFER', `${topic} on ${target.cluster} has ` +
    `${slots} partitions, task.slots=${ofFile}: the flow has ${slots} task slots`,
  { setting: 'task.slots' }))
  return { described, slots, isFollowed: true }
}

function openStore (
  { clock, config, group, log, onWarning, sourceClusterId, target }: StoreOptions, slots: number
): { readonly agreement: AgreementOptions, readonly store: ProgressStore } {
  const { policy, settings, source } = config
  const topic = progressTopicOf(source.alias)
  const timeoutMs = settings['admin.timeout.ms']
  const store = new ProgressStore(
    { topic, client: config.target.admin, group, timeoutMs, log, clock })
  const agreement: AgreementOptions = {
    target,
    store,
    topic,
    slots,
    replicationFactor: settings['progress.topic.replication.factor'],
    clock,
    onWarning,
    sourceAlias: source.alias,
    sourceClusterId,
    acceptedClusterId: settings['accepted.cluster.id'],
    keepsNames: policy.keepsNames,
    othersRun: async () => await hasMembers(target, group)
  }
  return { agreement, store }
}

/** Allocates a new producer id and stores no position: a flow that restarts begins at its start. */
export async function openUnkeptProgress (
  { clock, config, signal, target }:
  Pick<FlowProgressOptions, 'clock' | 'config' | 'signal' | 'target'>
): Promise<FlowProgress> {
  const producer = await allocateProducer({ clock, target }, signal)
  return {
    producer,
    slots: config.settings['task.slots'],
    restore: async () => new Map(),
    firstLookOf: async () => undefined,
    write: async () => {},
    mend: async () => false,
    keepCarried: async () => {},
    controlLog: { read: async () => [], write: async () => {} },
    retainOnce: async () => [],
    forget: () => {},
    close: async () => {}
  }
}

/** Whether the group has members; this process has not joined it yet. */
async function hasMembers (target: ClusterAdmin, group: string): Promise<boolean> {
  try {
    return await groupSize(target, group) > 0
  } catch (thrown) {
    // A process that cannot know must not act as if it were alone; but a cluster without groups,
    // such as the embedded cluster of the demo, has no other members.
    return ReplicatorError.from(thrown).errorName !== '_UNSUPPORTED_FEATURE'
  }
}
