// Clusters inside this process, for the demo: brokers with real sockets on 127.0.0.1 that keep
// records in memory. They create topics only by a call of this file, never by request.
import { openMockCluster, type MockCluster } from '../../dataplane/index.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { isNativeFailure } from './cluster-error.ts'

export type { MockCluster } from '../../dataplane/index.ts'

export function openEmbeddedCluster (brokers: number): MockCluster {
  try {
    return openMockCluster({ brokers, topics: [] })
  } catch (thrown) {
    throw isNativeFailure(thrown) ? ReplicatorError.fromNative(thrown) : thrown
  }
}
