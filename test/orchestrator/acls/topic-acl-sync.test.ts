// How ACLs are copied to the target, run after run, and which errors are reported.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aclKey } from '../../../src/orchestrator/acls/acl-rules.ts'
import { TopicAclSync } from '../../../src/orchestrator/acls/topic-acl-sync.ts'
import type {
  AclResult, ClusterAdmin, TopicAcl
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import type { ErrorName } from '../../../src/orchestrator/errors/error-table.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { createFlow } from '../config/create-config.ts'
import { createAcl } from './create-acl.ts'

const never = new AbortController().signal

/** A cluster that answers requests for ACLs from memory. */
class AclsCluster {
  readonly cluster: string
  readonly acls = new Map<string, TopicAcl>()
  readonly requests: string[] = []
  /** The error of each request. */
  error: ReplicatorError | undefined
  /** The error of each change of one ACL. */
  refusal: ErrorName | undefined

  constructor (cluster: string, acls: readonly TopicAcl[] = []) {
    this.cluster = cluster
    this.set(...acls)
  }

  set (...acls: readonly TopicAcl[]): void {
    this.acls.clear()
    for (const acl of acls) this.acls.set(aclKey(acl), acl)
  }

  get names (): readonly string[] {
    return [...this.acls.values()].map(({ name, operation }) => `${operation} ${name}`)
  }

  admin (): ClusterAdmin {
    return this as unknown as ClusterAdmin
  }

  async describeTopicAcls (): Promise<readonly TopicAcl[]> {
    this.#note('describe')
    return [...this.acls.values()]
  }

  async createTopicAcls (acls: readonly TopicAcl[]): Promise<readonly AclResult[]> {
    this.#note(`create ${acls.length}`)
    return this.#each(acls, acl => { this.acls.set(aclKey(acl), acl) })
  }

  async deleteTopicAcls (acls: readonly TopicAcl[]): Promise<readonly AclResult[]> {
    this.#note(`delete ${acls.length}`)
    return this.#each(acls, acl => { this.acls.delete(aclKey(acl)) })
  }

  #each (acls: readonly TopicAcl[], change: (acl: TopicAcl) => void): readonly AclResult[] {
    return acls.map(acl => {
      if (this.refusal !== undefined) {
        return { acl, error: new ReplicatorError(this.refusal, this.cluster) }
      }
      change(acl)
      return { acl, error: undefined }
    })
  }

  #note (request: string): void {
    this.requests.push(request)
    if (this.error !== undefined) throw this.error
  }
}

function createSync (deletes = false) {
  const source = new AclsCluster('A', [createAcl(), createAcl({ operation: 'DESCRIBE' })])
  const target = new AclsCluster('B', [createAcl({ name: 'own' })])
  const filters = { selection: createFlow().topics }
  const open = (): TopicAclSync => new TopicAclSync({
    source: source.admin(),
    target: target.admin(),
    selection: () => filters.selection,
    copiesPrefixed: false,
    deletes
  })
  const sync = open()
  return {
    source, target, filters, open,
    run: async (by = sync) => {
      target.requests.length = 0
      return await by.syncOnce(['orders'], never)
    }
  }
}

describe('ACLs', () => {
  test('are created once, and existing ones are kept', async () => {
    const { run, target } = createSync()
    assert.deepEqual(await run(), { created: 2, deleted: 0, failure: undefined })
    assert.deepEqual(target.names, ['READ own', 'READ A.orders', 'DESCRIBE A.orders'])
    assert.deepEqual(await run(), { created: 0, deleted: 0, failure: undefined })
    assert.deepEqual(target.requests, ['describe'])
  })

  // Regression: the duty kept the filters of its start, so a topic that a reload added had no ACLs.
  test('follow the present filters', async () => {
    const { filters, run, target } = createSync()
    filters.selection = createFlow(['topics=bills']).topics
    assert.deepEqual(await run(), { created: 0, deleted: 0 })
    filters.selection = createFlow(['topics=orders,bills']).topics
    await run()
    assert.deepEqual(target.names, ['READ own', 'READ A.orders', 'DESCRIBE A.orders'])
  })

  test('that are deleted on the source stay on the target, by default', async () => {
    const { run, source, target } = createSync()
    await run()
    source.set()
    assert.deepEqual(await run(), { created: 0, deleted: 0 })
    assert.equal(target.acls.size, 3)
  })

  test('that are deleted on the source are deleted if a setting allows it, no others', async () => {
    const { run, source, target } = createSync(true)
    await run()
    source.set(createAcl())
    assert.equal((await run()).deleted, 1)
    assert.deepEqual(target.names, ['READ own', 'READ A.orders'])
    source.set()
    assert.equal((await run()).deleted, 1)
    assert.deepEqual(target.names, ['READ own'])
    assert.deepEqual(await run(), { created: 0, deleted: 0 })
  })

  // Regression: a failed request forgot the deletion.
  for (const [what, fail, mend] of [
    ['the request fails', (target: AclsCluster) => {
      target.error = new ReplicatorError('TIMED_OUT', 'B')
    }, (target: AclsCluster) => { target.error = undefined }],
    ['the target refuses', (target: AclsCluster) => { target.refusal = 'INVALID_REQUEST' },
      (target: AclsCluster) => { target.refusal = undefined }]
  ] as const) {
    test(`are deleted by a later run after ${what}`, async () => {
      const { run, source, target } = createSync(true)
      await run()
      source.set()
      fail(target)
      await run().catch(() => {})
      assert.equal(target.acls.size, 3)
      mend(target)
      assert.equal((await run()).deleted, 2)
    })
  }

  // Otherwise an authorizer that is off for a moment would cost all ACLs of the remote topics.
  test('stay where the source shows none because it refuses the request', async () => {
    const { run, source, target } = createSync(true)
    await run()
    for (const name of ['SECURITY_DISABLED', 'CLUSTER_AUTHORIZATION_FAILED'] as const) {
      source.error = new ReplicatorError(name, 'A')
      await run().catch(() => {})
      assert.equal(target.acls.size, 3)
    }
  })

  test('of a previous owner are not deleted by the next one', async () => {
    const { open, run, source, target } = createSync(true)
    await run()
    source.set()
    await run(open())
    assert.equal(target.acls.size, 3)
  })
})

describe('no ACLs are copied', () => {
  for (const name of ['SECURITY_DISABLED', '_UNSUPPORTED_FEATURE'] as const) {
    test(`by a cluster that answers ${name}, and no failure is reported`, async () => {
      const { run, source, target } = createSync()
      target.error = new ReplicatorError(name, 'B')
      assert.deepEqual(await run(), { created: 0, deleted: 0, withoutAuthorizer: 'B' })
      source.error = new ReplicatorError(name, 'A')
      assert.deepEqual(await run(), { created: 0, deleted: 0, withoutAuthorizer: 'A' })
      assert.deepEqual(target.requests, [], 'the target is not asked in vain')
    })
  }

  test('without the permission to read them, and the error says what to grant', async () => {
    const { run, source } = createSync()
    source.error = new ReplicatorError('CLUSTER_AUTHORIZATION_FAILED', 'cluster A',
      { action: 'Grant DESCRIBE on the cluster to the principal of cluster A' })
    await assert.rejects(run(), new RegExp('The ACLs .*cannot be copied .*: cluster A .*Grant ' +
      'DESCRIBE on the cluster .* cluster A, or set sync\\.topic\\.acls\\.enabled=false'))
  })

  test('that the target refuses, and the error names one of them', async () => {
    const { run, target } = createSync()
    target.refusal = 'CLUSTER_AUTHORIZATION_FAILED'
    const { created, failure } = await run()
    assert.equal(created, 0)
    assert.match(failure?.message ?? '', /ALLOW READ for User:alice on topic A\.orders and 1 more/)
  })

  test('of a source without ACLs, and the target receives no request', async () => {
    const { run, source, target } = createSync()
    source.set()
    await run()
    assert.deepEqual(target.requests, [])
  })
})
