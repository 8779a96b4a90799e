// The progress topic of a flow: creates it, and corrects the settings of an existing topic that
// would make the reading of a slot long.
import type {
  ClusterAdmin, ConfigDescription, TopicDescription
} from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { progressTopicPrefix } from '../policy/replication-policy.ts'
import type { Clock } from '../time/clock.ts'
import { retry } from '../time/retry.ts'
import type { ProgressStore } from './progress-store.ts'

export function progressTopicOf (sourceAlias: string): string {
  return `${progressTopicPrefix}${sourceAlias}.internal`
}

export interface ProgressTopicOptions {
  readonly target: ClusterAdmin
  readonly store: Pick<ProgressStore, 'read' | 'write' | 'reset'>
  readonly topic: string
  readonly slots: number
  readonly replicationFactor: number
  readonly clock: Clock
  readonly onWarning: (error: ReplicatorError) => void
  /** The target validates the creation, and nothing is changed. */
  readonly validateOnly?: boolean
}

const minute = 60_000
const segmentBytes = 1024 * 1024
const lagMs = 10 * minute

/**
 * The largest number of outdated records in a slot. The cleaner never compacts the active segment
 * and compacts a closed segment within seconds (log.cleaner.backoff.ms is 15 s), so two segments
 * may be full of records that are not the newest of their keys. A record has 110 bytes at least
 * (its key and value without topic ids), uncompressed: 2 x 1 MiB / 110 B. Before these records are
 * the newest record of each key, two a topic-partition, and at most a ninth more that the cleaner
 * left (min.cleanable.dirty.ratio). A slot whose segment fills before the cleaner returns, which
 * takes more than 300 busy topic-partitions, holds more.
 */
export const staleRecordsPerSlotMax = Math.ceil(2 * segmentBytes / 110)

/**
 * The cleanup policy must equal this value. For the other settings an existing topic may have a
 * smaller value; a larger value would let a slot grow, and is corrected.
 */
const bounds: Readonly<Record<string, number>> = {
  'segment.bytes': segmentBytes,
  'segment.ms': lagMs,
  'min.cleanable.dirty.ratio': 0.1,
  'min.compaction.lag.ms': 0,
  // Makes the cleaner compact a slot with little traffic (brokers 2.3 and later).
  'max.compaction.lag.ms': lagMs,
  // How long tombstones stay: longer than any reading, and than any pause of a process.
  'delete.retention.ms': 60 * minute
}

const cleanupPolicy = { 'cleanup.policy': 'compact' }

export interface EnsuredTopic {
  /** Whether this call created the topic, or would have. */
  readonly isCreated: boolean
  /** Null where the cluster has none (before Kafka 2.8), or no topic yet. */
  readonly topicId: string | null
}

/**
 * Creates the topic if it is missing; refuses an existing topic whose number of slots or cleanup
 * policy differs from the configuration. `known`: the topic as it was just described.
 */
export async function ensureProgressTopic (
  options: ProgressTopicOptions, known?: TopicDescription, signal?: AbortSignal
): Promise<EnsuredTopic> {
  const { clock, target, topic, validateOnly = false } = options
  const [described] = known === undefined ? await target.describeTopics([topic]) : [known]
  if (described !== undefined && described.error === undefined) {
    refuseOtherSlots(described, options)
    await ensureConfigs(options)
    return { isCreated: false, topicId: described.topicId }
  }
  // A principal that may not describe the topic sees it as missing, and could try to create it.
  if (described?.error?.errorName === 'TOPIC_AUTHORIZATION_FAILED') throw described.error
  const isCreated = await create(options)
  if (validateOnly) return { isCreated, topicId: null }
  // Some brokers do not know a topic yet that was just created.
  const created = await patiently(clock, signal, async () => {
    const [found] = await target.describeTopics([topic])
    if (found?.error !== undefined) throw found.error
    return found
  })
  // Another process with another task.slots may have created the topic meanwhile.
  if (created !== undefined) refuseOtherSlots(created, options)
  return { isCreated, topicId: created?.topicId ?? null }
}

function refuseOtherSlots (
  { partitions }: TopicDescription, { slots, target, topic }: ProgressTopicOptions
): void {
  if (partitions.length === slots) return
  throw new ReplicatorError('PROGRESS_SLOTS_CHANGED',
    `${topic} on ${target.cluster} has ${partitions.length} partitions, task.slots=${slots}`,
    { setting: 'task.slots' })
}

export async function patiently<T> (
  clock: Clock, signal: AbortSignal | undefined, attempt: () => Promise<T>
): Promise<T> {
  return await retry({
    clock,
    backoff: { initialMs: 50, maxMs: 500 },
    attemptsMax: 30,
    isRetriable: thrown => ReplicatorError.from(thrown).retriable,
    ...(signal === undefined ? {} : { signal })
  }, attempt)
}

async function create (options: ProgressTopicOptions): Promise<boolean> {
  const { onWarning, replicationFactor, slots, target, topic, validateOnly = false } = options
  const attempt = async (
    configs: Readonly<Record<string, string>>
  ): Promise<ReplicatorError | undefined> => {
    const [created] = await target.createTopics([
      { name: topic, partitions: slots, replicationFactor, configs }], { validateOnly })
    return created?.error
  }
  let error = await attempt({ ...cleanupPolicy, ...boundsAsText() })
  if (error?.errorName === 'INVALID_CONFIG' || error?.errorName === 'POLICY_VIOLATION') {
    const refused = `${topic} on ${target.cluster} is created without ${listOf(boundsAsText())}`
    onWarning(new ReplicatorError('PROGRESS_SETTINGS_REFUSED', `${refused}: ${error.detail}`,
      { cause: error }))
    error = await attempt(cleanupPolicy)
  }
  if (error === undefined) return true
  if (error.errorName === 'TOPIC_ALREADY_EXISTS') return false
  throw new ReplicatorError(error.row, `${error.detail} [${topic} on ${target.cluster}, ` +
    `progress.topic.replication.factor=${replicationFactor}]`,
  { cause: error, setting: 'progress.topic.replication.factor' })
}

async function ensureConfigs (options: ProgressTopicOptions): Promise<void> {
  const { onWarning, target, topic, validateOnly = false } = options
  const [described] = await target.describeConfigs([{ type: 'topic', name: topic }])
    .catch((thrown: unknown) => [{ error: ReplicatorError.from(thrown), entries: [] }])
  // The embedded cluster of the demo; the brokers that Longhaul supports can describe settings. If
  // a cluster does not answer now, the next check of the topic asks it again.
  const isUnknown = described?.error?.errorName === '_UNSUPPORTED_FEATURE' ||
    described?.error?.retriable === true
  if (isUnknown) return
  if (described === undefined || described.error !== undefined) {
    const wanted = listOf({ ...cleanupPolicy, ...boundsAsText() })
    onWarning(new ReplicatorError('PROGRESS_SETTINGS_REFUSED',
      `the settings of ${topic} on ${target.cluster} cannot be read; it should have ${wanted}`,
      { cause: described?.error }))
    return
  }
  const policy = valueOf(described, 'cleanup.policy')
  if (policy !== undefined && policy !== cleanupPolicy['cleanup.policy']) {
    throw new ReplicatorError('PROGRESS_CLEANUP_POLICY',
      `${topic} on ${target.cluster} has cleanup.policy=${policy}`)
  }
  const larger = progressCorrections(described)
  if (Object.keys(larger).length === 0) return
  const changes = Object.entries(larger)
    .map(([name, value]) => ({ operation: 'set' as const, name, value }))
  const [altered] = await target
    .incrementalAlterConfigs([{ type: 'topic', name: topic, changes }], { validateOnly })
    .catch((thrown: unknown) => [{ error: ReplicatorError.from(thrown) }])
  if (altered?.error === undefined) return
  onWarning(new ReplicatorError('PROGRESS_SETTINGS_REFUSED', `${topic} on ${target.cluster} does ` +
    `not get ${listOf(larger)}: ${altered.error.message}`, { cause: altered.error }))
}

/** The settings of an existing progress topic that a start corrects, with their new values. */
export function progressCorrections (
  described: Pick<ConfigDescription, 'entries'>
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(bounds)
    .filter(([name, bound]) => Number(valueOf(described, name) ?? bound) > bound)
    .map(([name, bound]) => [name, String(bound)]))
}

function valueOf (
  { entries }: Pick<ConfigDescription, 'entries'>, wanted: string
): string | undefined {
  return entries.find(({ name }) => name === wanted)?.value ?? undefined
}

function boundsAsText (): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(bounds)
    .map(([name, bound]) => [name, String(bound)]))
}

function listOf (settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings).map(([name, value]) => `${name}=${value}`).join(', ')
}
