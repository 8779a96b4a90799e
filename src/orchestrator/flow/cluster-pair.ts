// The two clusters of a flow: opens their admin clients and checks, before anything is written,
// that both answer and that mirroring between them makes sense.
import { certificateProblem } from '../cluster/broker-certificate.ts'
import type { ClusterAdmin, ClusterDescription } from '../cluster/cluster-admin.ts'
import { openClusterAdmin } from '../cluster/native-cluster-admin.ts'
import type { FlowConfig, FlowEnd } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { unlessAborted } from '../time/deadline.ts'
import type { TargetClaims } from './target-claims.ts'

export interface ClusterPair {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly sourceDescription: ClusterDescription
  readonly targetDescription: ClusterDescription
  close (): Promise<void>
}

/**
 * Rejects within seconds if a cluster cannot be used, naming cluster, broker and setting; at once
 * when the signal is aborted.
 */
export async function openClusterPair (
  config: FlowConfig, signal: AbortSignal = new AbortController().signal
): Promise<ClusterPair> {
  const timeoutMs = config.settings['admin.timeout.ms']
  const open = (end: FlowEnd): ClusterAdmin =>
    openClusterAdmin({ ...end.admin, timeoutMs })
  const source = open(config.source)
  let target: ClusterAdmin | undefined
  try {
    target = open(config.target)
    const [sourceDescription, targetDescription] =
      await unlessAborted(signal, describeBoth(source, target, config, signal))
    checkDifferent(config, sourceDescription, targetDescription)
    const admins = [source, target]
    const close = async (): Promise<void> => {
      await Promise.all(admins.map(async admin => { await admin.close() }))
    }
    return { source, target, sourceDescription, targetDescription, close }
  } catch (thrown) {
    const closing = Promise.all([source.close(), target?.close()])
    // close() waits for calls that block; a stop of the flow must not.
    if (!signal.aborted) await closing
    throw thrown
  }
}

/** If neither cluster can be used, the error names both. */
async function describeBoth (
  source: ClusterAdmin, target: ClusterAdmin, config: FlowConfig, signal: AbortSignal
): Promise<readonly [ClusterDescription, ClusterDescription]> {
  const describing = [
    describe(source, config.source, signal), describe(target, config.target, signal)
  ] as const
  const [error, other] = (await Promise.allSettled(describing)).flatMap(each =>
    each.status === 'rejected' ? ReplicatorError.from(each.reason) : [])
  if (error !== undefined && other !== undefined) {
    const more = error.code === other.code ? other.detail : other.message
    throw new ReplicatorError(error.row, `${error.detail}; ${more}`,
      { cause: error, setting: error.setting ?? '' })
  }
  return await Promise.all(describing)
}

async function describe (
  admin: ClusterAdmin, end: FlowEnd, signal: AbortSignal
): Promise<ClusterDescription> {
  try {
    return await admin.describeCluster()
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    if (['CLUSTER_LOGIN_REFUSED', 'TOKEN_UNAVAILABLE'].includes(error.errorName)) throw error
    if (error.errorName === '_SSL') throw await explained(error, end, signal)
    const servers = end.admin.properties['bootstrap.servers'] ?? ''
    throw new ReplicatorError(error.row,
      `${error.detail} [${end.alias}.bootstrap.servers=${servers}]`,
      { cause: thrown, setting: `${end.alias}.bootstrap.servers` })
  }
}

/** With the reason why the broker's certificate is not accepted, where that is the reason. */
async function explained (
  error: ReplicatorError, { admin, alias }: FlowEnd, signal: AbortSignal
): Promise<ReplicatorError> {
  const { cause, cluster, setting } = error
  const reported = cause instanceof ReplicatorError ? cause.detail : error.detail
  if (!reported.includes('verify failed')) return error
  const problem = await certificateProblem(alias, admin.properties, reported, signal)
  if (problem === undefined) return error
  const { action, seen } = problem
  return new ReplicatorError(error.row, `cluster ${alias}: ${seen}`,
    { cause: error, action, ...setting && { setting }, ...cluster && { cluster } })
}

/** Mirroring within one cluster is unusual, so the log reports it; undefined for two clusters. */
function sameClusterRemark (
  { policy, source, target }: FlowConfig, { sourceDescription, targetDescription }: ClusterPair
): string | undefined {
  const { clusterId } = sourceDescription
  if (clusterId === null || clusterId !== targetDescription.clusterId) return undefined
  return `${source.alias} and ${target.alias} are both cluster ${clusterId}: the flow copies ` +
    `each topic once within the cluster, under the name ${policy.remoteTopic('TOPIC')}`
}

/** What is unusual about the clusters of a flow, beside those of the other flows of the process. */
export function clusterRemarks (
  config: FlowConfig, clusters: ClusterPair, claims: TargetClaims
): readonly string[] {
  const { name, source, target } = config
  const { sourceDescription: { clusterId }, targetDescription } = clusters
  const twin = claims.twinOf({
    flow: name, alias: source.alias, sourceId: clusterId, targetId: targetDescription.clusterId
  })
  const same = sameClusterRemark(config, clusters)
  return [
    ...same === undefined ? [] : [same],
    ...twin === undefined
      ? []
      : [`${twin.alias} and ${source.alias} are both cluster ${clusterId}: a topic that ` +
        `${twin.flow} and ${name} both select is mirrored to ${target.alias} twice, or only by ` +
        'the first flow if both give it one name; let them select different topics, or remove one']
  ]
}

function checkDifferent (
  config: FlowConfig, source: ClusterDescription, target: ClusterDescription
): void {
  if (source.clusterId === null || source.clusterId !== target.clusterId) return
  if (!config.policy.keepsNames) return
  throw new ReplicatorError('SAME_CLUSTER', `${config.source.alias} and ${config.target.alias} ` +
    `are both cluster ${source.clusterId}`, { setting: `${config.target.alias}.bootstrap.servers` })
}

/** For a Claim: only topics that keep their names come from several clusters into one. */
export function mergedFrom (
  { policy }: FlowConfig, { sourceDescription }: Pick<ClusterPair, 'sourceDescription'>
): string | undefined {
  if (!policy.keepsNames) return undefined
  return sourceDescription.clusterId ?? undefined
}
