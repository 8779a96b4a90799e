// Native failures of admin calls -> ReplicatorError: the one place that maps a code to its meaning
// for a whole cluster and to the property in the user's file that causes it.
import { lostLoginPattern } from '../errors/client-lines.ts'
import { errorTable, type ErrorName } from '../errors/error-table.ts'
import { ReplicatorError, type NativeFailure } from '../errors/replicator-error.ts'
import { brokersSay, loginRefusal } from './login-refusal.ts'

interface Meaning {
  readonly of?: ErrorName
  /** Without the alias of the cluster. */
  readonly setting: string
}

const unreachable: Meaning = { of: 'CLUSTER_UNREACHABLE', setting: 'bootstrap.servers' }
const loginRefused: Meaning = { of: 'CLUSTER_LOGIN_REFUSED', setting: 'sasl.jaas.config' }

const meanings: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [errorTable._ALL_BROKERS_DOWN.code, unreachable],
  [errorTable._RESOLVE.code, unreachable],
  [errorTable._TRANSPORT.code, unreachable],
  [errorTable._AUTHENTICATION.code, loginRefused],
  [errorTable.SASL_AUTHENTICATION_FAILED.code, loginRefused],
  [errorTable.UNSUPPORTED_SASL_MECHANISM.code, { ...loginRefused, setting: 'sasl.mechanism' }],
  [errorTable._SSL.code, { setting: 'security.protocol' }]
])

/**
 * A short time limit may end before the client has tried each broker. A connection that a broker
 * closes, also in a login, is tried again until the time limit.
 */
function isUnconnected ({ code, detail }: NativeFailure): boolean {
  return code === errorTable.TIMED_OUT.code && (lostLoginPattern.test(detail) ||
    /\bConnect to \S+ failed: |want another security\.protocol/.test(detail))
}

/**
 * The permission of each request that a broker refuses as a whole, by the name of the native call.
 */
const needsOfCall: Readonly<Record<string, string>> = {
  describeCluster: 'DESCRIBE on the cluster',
  listTopics: 'DESCRIBE on the topics',
  describeTopics: 'DESCRIBE on the topics',
  createTopics: 'CREATE on the cluster, or on the topics',
  createPartitions: 'ALTER on the topics',
  deleteTopics: 'DELETE on the topics',
  describeConfigs: 'DESCRIBE_CONFIGS on the topics',
  incrementalAlterConfigs: 'ALTER_CONFIGS on the topics',
  describeTopicAcls: 'DESCRIBE on the cluster',
  createTopicAcls: 'ALTER on the cluster',
  deleteTopicAcls: 'ALTER on the cluster',
  listOffsets: 'DESCRIBE on the topics',
  deleteRecords: 'DELETE on the topics',
  describeGroups: 'DESCRIBE on the group',
  describeProducers: 'READ on the topics',
  listGroups: 'DESCRIBE on the cluster, or on the groups',
  findCoordinators: 'DESCRIBE on the groups',
  listGroupOffsets: 'DESCRIBE on the groups',
  commitGroupOffsets: 'READ on the group',
  sampleBatches: 'READ on the topics',
  quorumTime: 'DESCRIBE on the cluster',
  initProducerId: 'WRITE on a topic (before Kafka 2.8: IDEMPOTENT_WRITE on the cluster)'
}

/**
 * The error of a native call that failed as a whole. `login` says who logs in, if the client logs
 * in.
 */
export function clusterError (
  cluster: string, failure: NativeFailure, call = '', login?: string
): ReplicatorError {
  const located = { code: failure.code, detail: `cluster ${cluster}: ${failure.detail}` }
  const meaning = meanings.get(failure.code) ?? (isUnconnected(failure) ? unreachable : undefined)
  const refusal = meaning === undefined ? undefined : loginRefusal(cluster, failure.detail)
  if (refusal !== undefined) {
    const seen = brokersSay(failure.detail.replace(/^\w+( got no answer within \d+ ms)?: /, ''))
    const who = login === undefined || refusal.of !== 'CLUSTER_LOGIN_REFUSED'
      ? ''
      : ` (admin client, ${login})`
    return new ReplicatorError(refusal.of, `cluster ${cluster}: ${seen}${who}`, {
      setting: `${cluster}.${refusal.setting}`, action: refusal.action, cluster,
      cause: ReplicatorError.fromNative(located, { cluster })
    })
  }
  if (meaning === undefined) {
    const options = { cluster, ...grantAction(failure.code, needsOfCall[call], cluster) }
    return ReplicatorError.fromNative(located, options)
  }
  const setting = `${cluster}.${meaning.setting}`
  const plain = ReplicatorError.fromNative(located, { setting, cluster })
  if (meaning.of === undefined) return plain
  return new ReplicatorError(meaning.of, located.detail, { setting, cause: plain })
}

/**
 * The error of a client of node-rdkafka that reaches no broker, under the name and with the setting
 * of a failed admin call, because each command must name the same cause. Any other error is
 * returned as it is. `seen` is what the client reported before a time limit ended the work; by
 * default the code of `error` decides.
 */
export function orUnreachable (
  { cluster }: { readonly cluster: string }, error: ReplicatorError,
  seen: ReplicatorError | undefined = error
): ReplicatorError {
  const meaning = meanings.get(seen.code)
  if (meaning?.of !== 'CLUSTER_UNREACHABLE') return error
  const detail = seen === error ? error.detail : `${error.detail}; ${seen.detail}`
  return new ReplicatorError('CLUSTER_UNREACHABLE', detail,
    { setting: `${cluster}.${meaning.setting}`, cause: error, cluster })
}

/** The ACL operation that a request needs on the resource that it names. */
export type AclOperation =
  'READ' | 'CREATE' | 'DELETE' | 'ALTER' | 'DESCRIBE' | 'DESCRIBE_CONFIGS' | 'ALTER_CONFIGS'

/**
 * The error of one item; undefined if its code is 0. `item` names the item: "topic orders". The
 * text names `needs` only if the broker reports a missing permission.
 */
export function itemError (
  cluster: string, item: string, { code, detail }: NativeFailure, needs: AclOperation
): ReplicatorError | undefined {
  if (code === 0) return undefined
  const what = missesPermission.has(code) ? `${item}, which needs ${needs}` : item
  return ReplicatorError.fromNative({ code, detail: `cluster ${cluster}: ${what}: ${detail}` },
    { cluster, ...grantAction(code, `${needs} on ${resourceOf(item)}`, cluster) })
}

/** Permissions are of topics: "orders-0" is a partition of the topic orders. */
function resourceOf (item: string): string {
  return item.includes(' ') ? item : `topic ${item.replace(/-\d+$/, '')}`
}

/**
 * Names the one permission that a request needs: the row of the code can only list all permissions.
 * Empty if the code is about another problem.
 */
export function grantAction (
  code: number, needs: string | undefined, cluster?: string
): { readonly action?: string } {
  if (needs === undefined || !missesPermission.has(code)) return {}
  const whose = cluster === undefined ? 'this cluster' : `cluster ${cluster}`
  return { action: `Grant ${needs} to the principal of ${whose}` }
}

const missesPermission: ReadonlySet<number> = new Set([
  errorTable.TOPIC_AUTHORIZATION_FAILED.code,
  errorTable.GROUP_AUTHORIZATION_FAILED.code,
  errorTable.CLUSTER_AUTHORIZATION_FAILED.code
])

/** Whether the data plane threw this error. Any other error is a program error. */
export function isNativeFailure (thrown: unknown): thrown is NativeFailure {
  return typeof thrown === 'object' && thrown !== null &&
    'code' in thrown && typeof thrown.code === 'number' &&
    'detail' in thrown && typeof thrown.detail === 'string'
}
