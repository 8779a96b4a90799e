// The two clusters of a demo, whatever they are: embedded in this process, or reached by address.
// Topics of embedded clusters are created by a call; those of the others by an admin request, and
// deleted at the end.
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
  /** For the report. */
  readonly kind: string
  readonly source: string
  readonly target: string
  /** Whether records of earlier demos may be there: then each demo has topic names of its own. */
  readonly lasting: boolean
  /** Creates topics of the source, and those of the target that the mirror cannot create. */
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

/** Clusters that run already. At the end the demo deletes its topics from lasting ones. */
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
        // The result of the demo is known by now; topics that remain show by their names.
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
  const admin = openClusterAdmin(
    { cluster: end.alias, properties: end.admin, timeoutMs: adminTimeoutMs })
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
    // Whatever the cluster's default: batches must be able to pass as they are.
    configs: { 'message.timestamp.type': 'CreateTime', 'compression.type': 'producer' }
  })))
  const failed = results.find(({ error }) => error !== undefined)
  if (failed?.error !== undefined) {
    throw new ReplicatorError('TOPIC_CREATE_FAILED',
      `${failed.name} on ${admin.cluster}: ${failed.error.message}`, { cause: failed.error })
  }
}
