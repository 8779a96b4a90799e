// Copies the ACLs of the source topics to their remote topics, by the rules of acl-rules.ts. ACLs
// of groups, transactional ids and clusters are not copied.
import type { AclResult, ClusterAdmin, TopicAcl } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { aclChanges, aclKey, remoteAcls, type AclRules } from './acl-rules.ts'

export interface TopicAclSyncOptions {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  /** The present selection: filters change while a flow runs. */
  readonly selection: () => AclRules['selection']
  readonly copiesPrefixed: boolean
  /** Whether an ACL that was deleted on the source is deleted on the target. */
  readonly deletes: boolean
}

export interface TopicAclSyncResult {
  readonly created: number
  readonly deleted: number
  /** The alias of a cluster without an authorizer: nothing is copied. */
  readonly withoutAuthorizer?: string
  /** TOPIC_ACL_SYNC_FAILED: ACLs that the target did not create or delete. */
  readonly failure?: ReplicatorError | undefined
}

export interface TopicAclPlan extends Pick<TopicAclSyncResult, 'withoutAuthorizer'> {
  readonly create: readonly TopicAcl[]
}

type Look =
  | { readonly withoutAuthorizer: string }
  | {
    readonly wanted: readonly TopicAcl[]
    readonly onTarget: readonly TopicAcl[]
    readonly withoutAuthorizer?: undefined
  }

export class TopicAclSync {
  readonly #options: TopicAclSyncOptions
  /**
   * By key, if deletions are copied: the ACLs that the source has had since this process began, and
   * that the target may have. At most the ACLs of the source topics and those that cannot be
   * deleted.
   */
  readonly #previous = new Map<string, TopicAcl>()

  constructor (options: TopicAclSyncOptions) {
    this.#options = options
  }

  /** Rejects if a whole request fails. */
  async syncOnce (topics: readonly string[], signal: AbortSignal): Promise<TopicAclSyncResult> {
    const look = await this.#look(topics, signal)
    if (look.withoutAuthorizer !== undefined) return { created: 0, deleted: 0, ...look }
    const { onTarget, wanted } = look
    if (wanted.length === 0 && this.#previous.size === 0) return { created: 0, deleted: 0 }
    return await this.#apply(wanted, onTarget, signal)
  }

  /** The ACLs that the next syncOnce() would create. It would delete none that it has not seen. */
  async planOnce (topics: readonly string[], signal: AbortSignal): Promise<TopicAclPlan> {
    const look = await this.#look(topics, signal)
    return look.withoutAuthorizer === undefined
      ? { create: aclChanges(look.wanted, look.onTarget, []).create }
      : { create: [], ...look }
  }

  async #look (topics: readonly string[], signal: AbortSignal): Promise<Look> {
    const { copiesPrefixed, selection, source, target } = this.#options
    signal.throwIfAborted()
    const onSource = await aclsOf(source)
    if (onSource === undefined) return { withoutAuthorizer: source.cluster }
    const wanted = remoteAcls(onSource, { selection: selection(), topics, copiesPrefixed })
    // A principal that has no ACLs to copy needs no permission to read those of the target.
    if (wanted.length === 0 && this.#previous.size === 0) return { wanted, onTarget: [] }
    signal.throwIfAborted()
    const onTarget = await aclsOf(target)
    return onTarget === undefined
      ? { withoutAuthorizer: target.cluster }
      : { wanted, onTarget }
  }

  async #apply (
    wanted: readonly TopicAcl[], onTarget: readonly TopicAcl[], signal: AbortSignal
  ): Promise<TopicAclSyncResult> {
    const { deletes, target } = this.#options
    // Before the requests: a request without an answer may have created the ACLs.
    if (deletes) for (const acl of wanted) this.#previous.set(aclKey(acl), acl)
    const changes = aclChanges(wanted, onTarget, [...this.#previous.values()])
    const created = await changed(changes.create, signal,
      async acls => await target.createTopicAcls(acls))
    const deleted = await changed(changes.delete, signal,
      async acls => await target.deleteTopicAcls(acls))
    this.#forget([...wanted, ...failed(deleted).map(({ acl }) => acl)])
    const failures = [...failed(created), ...failed(deleted)]
    return {
      created: created.length - failed(created).length,
      deleted: deleted.length - failed(deleted).length,
      failure: failureOf(failures)
    }
  }

  /** Forgets all ACLs but these: the target no longer has the others. */
  #forget (kept: readonly TopicAcl[]): void {
    const keys = new Set(kept.map(aclKey))
    for (const key of this.#previous.keys()) {
      if (!keys.has(key)) this.#previous.delete(key)
    }
  }
}

/** Undefined: the cluster has no authorizer, or does not know the request. */
async function aclsOf (cluster: ClusterAdmin): Promise<readonly TopicAcl[] | undefined> {
  try {
    return await cluster.describeTopicAcls()
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    switch (error.errorName) {
      case 'SECURITY_DISABLED':
      case '_UNSUPPORTED_FEATURE': return undefined
      case 'CLUSTER_AUTHORIZATION_FAILED': throw syncFailed(error.detail, error)
      default: throw thrown
    }
  }
}

async function changed (
  acls: readonly TopicAcl[], signal: AbortSignal,
  change: (acls: readonly TopicAcl[]) => Promise<readonly AclResult[]>
): Promise<readonly AclResult[]> {
  signal.throwIfAborted()
  return acls.length === 0 ? [] : await change(acls)
}

function failed (results: readonly AclResult[]): readonly Failed[] {
  return results.flatMap(({ acl, error }) => error === undefined ? [] : [{ acl, error }])
}

interface Failed {
  readonly acl: TopicAcl
  readonly error: ReplicatorError
}

function failureOf (failures: readonly Failed[]): ReplicatorError | undefined {
  const [example] = failures
  if (example === undefined) return undefined
  const more = failures.length === 1 ? '' : ` and ${failures.length - 1} more`
  const { acl: { name, operation, permission, principal }, error } = example
  return syncFailed(`${permission} ${operation} for ${principal} on topic ${name}${more}: ` +
    error.detail, error)
}

function syncFailed (detail: string, cause: ReplicatorError): ReplicatorError {
  return new ReplicatorError('TOPIC_ACL_SYNC_FAILED', `${detail} (${cause.errorName})`,
    { cause, action: `${cause.action}, or set sync.topic.acls.enabled=false` })
}
