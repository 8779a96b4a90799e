// The least permissions, as `longhaul acls` prints them, with a real authorizer. Those that
// MirrorMaker 2 does not need are missing at first: each is named with its resource, and the flow
// continues once it is granted. Also the ACLs of other principals, which are copied.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { aclKey } from '../../src/orchestrator/acls/acl-rules.ts'
import type { ClusterAdmin, TopicAcl } from '../../src/orchestrator/cluster/cluster-admin.ts'
import type { RequiredAcl } from '../../src/orchestrator/flow/required-acls.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { createAcl } from '../orchestrator/acls/create-acl.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { grantAcls, printedAcls, without } from './granted-acls.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type CleanUp, type LogLine
} from './mirror-process.ts'
import { flowProperties, login, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const secured = { sasl: { users: { guest: 'guest-secret' }, superUsers: [] } }

describe('permissions', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(secured) })
  after(async () => { await clusters.close() })

  // The first test, while the user has no permission.
  test('of others on source topics reach the remote topics, by MirrorMaker 2\'s rules',
    async t => {
      const source = createAdmin(t, clusters.source.plainBootstrapServers)
      const target = createAdmin(t, clusters.target.plainBootstrapServers)
      await clusters.source.createTopic('shared')
      const acl = createAcl({ name: 'shared' })
      const create = async (admin: ClusterAdmin, ...acls: readonly TopicAcl[]): Promise<void> => {
        for (const { error } of await admin.createTopicAcls(acls)) assert.equal(error, undefined)
      }
      await create(source, acl, { ...acl, operation: 'WRITE' },
        { ...acl, principal: 'User:bob', operation: 'ALL' },
        { ...acl, principal: 'User:mallory', host: '10.0.0.1', permission: 'DENY' },
        { ...acl, principal: 'User:carol', name: 'sha', pattern: 'PREFIXED' })
      const own = { ...acl, principal: 'User:dave', name: 'east.shared' }
      await create(target, own)
      const guest = createAdmin(t, clusters.source.bootstrapServers, {
        'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN',
        'sasl.username': 'guest', 'sasl.password': 'guest-secret'
      })
      await assert.rejects(guest.describeTopicAcls(), /Grant DESCRIBE on the cluster/)
      const [refused] = await guest.createTopicAcls([acl])
      assert.match(refused?.error?.message ?? '', /Grant ALTER on the cluster/)
      const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
        'east.bootstrap.servers': clusters.source.plainBootstrapServers,
        'west.bootstrap.servers': clusters.target.plainBootstrapServers,
        'east->west.topics': 'shared',
        'sync.topic.acls.interval.seconds': 1,
        'sync.topic.acls.delete.enabled': true
      })))
      const untilRemote = async (...wanted: readonly TopicAcl[]): Promise<void> => {
        const keys = [...wanted, own].map(aclKey).toSorted()
        await mirror.until('the ACLs of the remote topic', async () => {
          const acls = (await target.describeTopicAcls()).filter(({ name, principal }) =>
            name.startsWith('east.sha') && principal !== 'User:guest')
          return isDeepStrictEqual(acls.map(aclKey).toSorted(), keys)
        })
      }
      const remote = { ...acl, name: 'east.shared' }
      const denied: TopicAcl =
        { ...remote, principal: 'User:mallory', host: '10.0.0.1', permission: 'DENY' }
      await untilRemote(remote, { ...remote, principal: 'User:bob' }, denied)
      for (const { error } of await source.deleteTopicAcls([acl])) assert.equal(error, undefined)
      await untilRemote({ ...remote, principal: 'User:bob' }, denied)
      assert.deepEqual(mirror.log.filter(isTrouble), [])
      assert.equal((await mirror.stop()).code, 0)
    })

  test('of the mirror\'s user suffice as printed, and each missing one is named', async t => {
    const { source, target } = clusters
    await source.createTopic('least')
    await produce(source.plainBootstrapServers, 'least', numbered(0, 20))
    const properties = flowProperties(clusters, {
      ...login('east', 'guest', 'guest-secret'),
      ...login('west', 'guest', 'guest-secret'),
      'east->west.topics': 'least',
      'fault.retry.interval.ms': 1000
    })
    const whole = createPropertiesFile(t, properties)
    // ACL sync would grant READ on the remote topic, which is granted on the source topic.
    const file = createPropertiesFile(t, { ...properties, 'sync.topic.acls.enabled': false })
    const needed = await printedAcls(whole)
    const onTarget = ({ cluster }: RequiredAcl): boolean => cluster === 'west'
    const grant = async (acls: readonly RequiredAcl[]): Promise<void> => {
      await grantAcls((alias): KafkaCluster => alias === 'east' ? source : target, acls)
    }
    const grantRead = async (name: string): Promise<void> => {
      await grant(needed.filter(acl => onTarget(acl) && acl.name === name)
        .map(acl => ({ ...acl, operations: ['Read'] })))
    }
    await grant(without(needed, 'Read', onTarget))
    assert.match(await refusedStart(t, file), /longhaul\.east->west.*Grant READ .*on the group/)
    await grantRead('longhaul.east->west')
    assert.match(await refusedStart(t, file), /longhaul-progress\.east\.internal.*READ/)
    await grantRead('longhaul-progress.east.internal')
    const mirror = spawnMirror(t, file)
    const { text } = await mirror.untilLogged('the remote topic', line =>
      isTrouble(line) && line.text.includes('east.least'))
    assert.match(text, /reading target east\.least-0 .*needs READ on the topic/)
    await grantRead('east.least')
    await untilRecords(mirror, target, 'east.least', 20)
    await mirror.untilReady()
    assert.equal((await mirror.stop()).code, 0)

    const again = spawnMirror(t, whole)
    await again.untilReady()
    await produce(source.plainBootstrapServers, 'least', numbered(20, 40))
    await untilRecords(again, target, 'east.least', 40)
    assert.deepEqual(again.log.filter(isTrouble), [])
    await source.admin.createPartitions('least', 2)
    await again.untilLogged('more partitions', ({ text }) => text === 'added partitions')
    await produce(source.plainBootstrapServers, 'least', numbered(0, 10, 1))
    await untilRecords(again, target, 'east.least', 50)
    assert.equal((await again.stop()).code, 0)
  })
})

/** A flow that cannot start and is the only one ends the process. Resolves with its log. */
async function refusedStart (t: CleanUp, file: string): Promise<string> {
  const mirror = spawnMirror(t, file)
  assert.equal((await mirror.untilExit()).code, 3)
  return mirror.log.filter(isTrouble).map(({ text }) => text).join('\n')
}

function isTrouble ({ level }: LogLine): boolean {
  return level === 'warn' || level === 'error'
}
