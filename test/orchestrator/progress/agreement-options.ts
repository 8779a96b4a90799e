// The options with which tests agree on a producer id, on a fake cluster and progress topic.
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { AgreementOptions } from '../../../src/orchestrator/progress/producer-agreement.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import type { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'

/** The progress topic of the flow. */
export const topic = 'longhaul-progress.east.internal'

export function agreementOptions (
  cluster: FakeCluster, store: FakeProgressStore, onWarning: (error: ReplicatorError) => void
): AgreementOptions {
  return {
    target: cluster.admin(),
    store: store.store(),
    topic,
    slots: 4,
    replicationFactor: 3,
    clock: systemClock,
    onWarning,
    sourceAlias: 'east',
    sourceClusterId: 'cluster-1',
    acceptedClusterId: '',
    othersRun: async () => false
  }
}
