// Whether bootstrap.servers of a cluster names brokers of one cluster. Of a list that names two,
// each client would connect to either of them.
import type { ClusterDescription } from '../cluster/cluster-admin.ts'
import { openClusterAdmin } from '../cluster/native-cluster-admin.ts'
import type { FlowConfig, FlowEnd } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { unlessAborted } from '../time/deadline.ts'
import type { ClusterPair } from './cluster-pair.ts'

/** A server that does not answer by then is left out: the others are enough for a start. */
const askMsMax = 3_000

/**
 * Rejects if a server of a list is of another cluster than the one that the client has found. Asks
 * only servers that the cluster does not advertise as its brokers.
 */
export async function refuseMixedBootstrap (
  { source, target }: FlowConfig,
  { sourceDescription, targetDescription }: Pick<ClusterPair,
    'sourceDescription' | 'targetDescription'>,
  signal: AbortSignal
): Promise<void> {
  await unlessAborted(signal, Promise.all([
    refuseMixed(source, sourceDescription), refuseMixed(target, targetDescription)
  ]))
}

async function refuseMixed (
  end: FlowEnd, { brokers, clusterId }: ClusterDescription
): Promise<void> {
  const servers = serversOf(end)
  if (clusterId === null || servers.length < 2) return
  const advertised = new Set(brokers.map(({ host, port }) => `${host}:${port}`))
  const others = await Promise.all(servers.filter(server => !advertised.has(server))
    .map(async server => ({ server, id: await clusterIdAt(end, server) })))
  const other = others.find(({ id }) => id !== undefined && id !== clusterId)
  if (other === undefined) return
  const setting = `${end.alias}.bootstrap.servers`
  throw new ReplicatorError('BOOTSTRAP_CLUSTERS_DIFFER', `${setting}=${servers.join()}: ` +
    `${other.server} is of cluster ${other.id}, other servers are of cluster ${clusterId}`,
  { setting, cluster: end.alias })
}

function serversOf ({ admin: { properties } }: FlowEnd): readonly string[] {
  return (properties['bootstrap.servers'] ?? '').split(',')
    .map(server => server.trim().replace(/^\w+:\/\//, '')).filter(server => server !== '')
}

/** Undefined: the server does not answer, or does not say. */
async function clusterIdAt (end: FlowEnd, server: string): Promise<string | undefined> {
  const properties = { ...end.admin.properties, 'bootstrap.servers': server }
  const admin = openClusterAdmin({ ...end.admin, properties, timeoutMs: askMsMax })
  try {
    return (await admin.describeCluster()).clusterId ?? undefined
  } catch {
    return undefined
  } finally {
    await admin.close()
  }
}
