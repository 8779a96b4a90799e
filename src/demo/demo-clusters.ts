// The two clusters of a demo: embedded in this process, or reached by address. A call creates
// topics of embedded clusters; admin requests create those of other clusters, and delete them at
// the end.
import type { ClusterAdmin, NewTopic } from '../orchestrator/cluster/cluster-admin.ts'
import {
  openEmbeddedCluster, type MockCluster
} from '../orchestrator/cluster/native-mock-cluster.ts'
import { openClusterAdmin } from '../orchestrator/cluster/native-cluster-admin.ts'
import type { FlowEnd } from '../orchestrator/config/config.ts'
import { ReplicatorError } from '../orchestrator/errors/replicator-error.ts'

export interface NamedTopic {
  readonly name: string
  readonly partitions: number
}

export interface TopicsOfEnd {
  readonly end: FlowEnd
  readonly topics: readonly NamedTopic[]
}

export interface DemoClusters {
  /** Describes the clusters in the report. */
  readonly kind: string
  readonly source: string
  readonly target: string
  /** Whether records of earlier demos may exist: then each demo uses other topic names. */
  readonly lasting: boolean
  /** Creates topics of the source, and topics of the target that the mirror cannot create. */
  createTopics (source: TopicsOfEnd, target: TopicsOfEnd): Promise<void>
  /** Idempotent, never rejects. */
  close (): Promise<void>
}

const embeddedBrokers = 3

export function openEmbeddedClusters (): DemoClusters {
  const source = openEmbeddedCluster(embeddedBrokers)
  let target: MockCluster
  try {
    target = openEmbeddedCluster(embeddedBrokers)
  } catch (thrown) {
    source.close()
    throw thrown
  }
  const create = (cluster: MockCluster, topics: readonly NamedTopic[]): void => {
    for (const topic of topics) {
      cluster.createTopic({ ...topic, replicationFactor: embeddedBrokers })
    }
  }
  return {
    kind: `embedded, ${embeddedBrokers} brokers each`,
    source: source.bootstrapServers(),
    target: target.bootstrapServers(),
    lasting: false,
    async createTopics (ofSource, ofTarget) {
      create(source, ofSource.topics)
      create(target, ofTarget.topics)
    },
    async close () {
      source.close()
      target.close()
    }
  }
}

export interface Addresses {
  readonly kind: string
  readonly source: string
  readonly target: string
  readonly lasting: boolean
}

/** Running clusters. At the end the demo deletes its topics from clusters that remain. */
export function reachClusters (
  addresses: Addresses, release: () => Promise<void> = async () => {}
): DemoClusters {
  const made: TopicsOfEnd[] = []
  return {
    ...addresses,
    async createTopics (source, target) {
      made.push(source, target)
      await withAdmin(source.end, async admin => { await createTopics(admin, source.topics) })
    },
    async close () {
      for (const { end, topics } of addresses.lasting ? made.splice(0) : []) {
        const names = topics.map(({ name }) => name)
        // The result of the demo is known by now; the names of remaining topics show where they
        // came from.
        await withAdmin(end, async admin => { await admin.deleteTopics(names) }).catch(() => {})
      }
      await release()
    }
  }
}

const adminTimeoutMs = 30_000

async function withAdmin (
  end: FlowEnd, use: (admin: ClusterAdmin) => Promise<void>
): Promise<void> {
  const admin = openClusterAdmin({ ...end.admin, timeoutMs: adminTimeoutMs })
  try {
    await use(admin)
  } finally {
    await admin.close()
  }
}

async function createTopics (admin: ClusterAdmin, topics: readonly NamedTopic[]): Promise<void> {
  const results = await admin.createTopics(topics.map((topic): NewTopic => ({
    ...topic,
    replicationFactor: -1,
    // Overrides the cluster's default: batches must be forwarded unchanged.
    configs: { 'message.timestamp.type': 'CreateTime', 'compression.type': 'producer' }
  })))
  const failed = results.find(({ error }) => error !== undefined)
  if (failed?.error !== undefined) {
    throw new ReplicatorError('TOPIC_CREATE_FAILED',
      `${failed.name} on ${admin.cluster}: ${failed.error.message}`, { cause: failed.error })
  }
}
