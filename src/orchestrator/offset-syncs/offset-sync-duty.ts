// Writes the offset syncs of a flow as MirrorMaker 2's MirrorSourceConnector does: pairs of source
// and target offsets. The owner of a slot writes those of the slot's partitions, because it knows
// the exact target offsets without reading progress.
import {
  ensureInternalTopic, writeError, type InternalTopic, type InternalTopicUse
} from '../cluster/internal-topic.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { encodeOffsetSync } from '../mirror-maker/internal-records.ts'
import type { Duty } from '../ownership/duties.ts'
import type { TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline } from '../time/deadline.ts'
import { DueOffsetSyncs, type PlacedPartition } from './due-offset-syncs.ts'
import { JointWrites } from './joint-writes.ts'

export interface OffsetSyncDutyOptions {
  readonly topic: Pick<InternalTopic, 'write' | 'close'>
  readonly named: NamedTopic
  /** offset.lag.max. */
  readonly lagMax: number
  /** Partitions of the slot that may have mirrored more since the last call. */
  readonly moved: (slot: number) => readonly PlacedPartition[]
  readonly isMirrored: (partition: TopicPartition) => boolean
  readonly clock: Clock
}

/** For errors: the name and the replication factor of the topic, and the alias of its cluster. */
interface NamedTopic {
  readonly topic: string
  readonly replicationFactor: number
  readonly cluster: string
}

const intervalMs = 5_000
/** Of one slot, in one run. Further syncs that are due wait for the next run, oldest first. */
const syncsPerRunMax = 1_000
/** A hand-over waits this long for the last offset syncs; the next owner writes them, too. */
const lastWriteMsMax = 1_000

export function offsetSyncDuty (options: OffsetSyncDutyOptions): Duty {
  const { clock, isMirrored, lagMax, moved, named, topic } = options
  const writes = new JointWrites(topic)
  const slots = new Map<number, DueOffsetSyncs>()
  const run = async (slot: number, signal: AbortSignal): Promise<void> => {
    const syncs = slots.get(slot) ?? new DueOffsetSyncs(lagMax)
    slots.set(slot, syncs)
    syncs.note(moved(slot), isMirrored)
    const due = syncs.take(syncsPerRunMax)
    if (due.length === 0) return
    try {
      await writes.write(due.map(encodeOffsetSync), signal)
    } catch (thrown) {
      signal.throwIfAborted()
      throw writeError(thrown, topicUse(named))
    }
    syncs.written(due)
  }
  return {
    name: 'offset syncs',
    intervalMs,
    run,
    end: async slot => {
      const last = new Deadline(clock, lastWriteMsMax)
      // An earlier run has reported the failure, or the next owner writes these syncs.
      if (slots.has(slot)) await last.bound(run(slot, last.signal)).catch(() => {})
      last.cancel()
      slots.delete(slot)
      if (slots.size === 0) await topic.close()
    }
  }
}

/** The error with which the topic's cluster would refuse now; undefined: none. Creates nothing. */
export async function checkOffsetSyncs (
  config: FlowConfig, admin: Pick<ClusterAdmin, 'describeTopics' | 'createTopics'>
): Promise<ReplicatorError | undefined> {
  const { offsetSyncs: { side, topic }, settings } = config
  const replicationFactor = settings['offset-syncs.topic.replication.factor']
  try {
    await ensureInternalTopic({ admin, name: topic, replicationFactor }, { validateOnly: true })
    return undefined
  } catch (thrown) {
    return writeError(thrown, topicUse({ topic, replicationFactor, cluster: config[side].alias }))
  }
}

function topicUse ({ cluster, replicationFactor, topic }: NamedTopic): InternalTopicUse {
  return {
    name: topic,
    cluster,
    replicationFactor,
    factorSetting: 'offset-syncs.topic.replication.factor',
    refusal: 'OFFSET_SYNCS_REFUSED',
    what: 'offset syncs',
    where: `to the topic ${topic} on ${cluster}`,
    off: 'set emit.offset-syncs.enabled=false to write none'
  }
}
