// The duties of a flow: what the owner of a slot does for all processes that share the flow.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import { Duties } from '../ownership/duties.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { FlowProgress } from '../progress/flow-progress.ts'
import { retentionLookMs } from '../progress/progress-retention.ts'
import type { Clock } from '../time/clock.ts'

export interface FlowDutiesOptions {
  readonly source: ClusterAdmin
  readonly progress: FlowProgress
  readonly partitions: FlowPartitions
  readonly retentionMs: number
  readonly onError: (error: ReplicatorError) => void
  readonly log: Log
  readonly clock: Clock
}

export function openFlowDuties (options: FlowDutiesOptions): Duties {
  const { clock, log, onError, partitions, progress, retentionMs, source } = options
  const look = {
    source,
    isMirrored: partitions.mirrors.bind(partitions),
    onRemoved: partitions.forgetPosition.bind(partitions)
  }
  const retention = {
    name: 'progress retention',
    intervalMs: retentionLookMs(retentionMs),
    run: async (slot: number, signal: AbortSignal) => {
      const removed = await progress.retainOnce(slot, look, signal)
      if (removed.length === 0) return
      const topics = [...new Set(removed.map(({ topic }) => topic))]
      log.info({ slot, topics }, `removed the progress of ${removed.length} partitions, as the ` +
        `source has not had them for progress.retention.ms: ${topics.join(', ')}`)
    }
  }
  return new Duties({ duties: [retention], onError, clock })
}
