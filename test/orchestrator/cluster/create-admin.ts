// An admin client for a test of one cluster; closed at the end of the test.
import type { TestContext } from 'node:test'
import type { ClusterAdmin } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { openClusterAdmin } from '../../../src/orchestrator/cluster/native-cluster-admin.ts'

// Far above the duration of any call on a busy machine: a test that waits this long has failed.
const timeoutMs = 120_000

/** For a cluster called `A`. */
export function createAdmin (
  t: TestContext, bootstrapServers: string, properties: Readonly<Record<string, string>> = {}
): ClusterAdmin {
  const admin = openClusterAdmin({
    cluster: 'A',
    properties: { 'bootstrap.servers': bootstrapServers, ...properties },
    timeoutMs
  })
  t.after(async () => { await admin.close() })
  return admin
}
