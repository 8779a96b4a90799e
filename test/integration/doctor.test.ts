// `longhaul doctor`: what it measures on real clusters, and what it says to do.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { TopicAcl } from '../../src/orchestrator/cluster/cluster-admin.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { setQuota } from '../kafka/partition-operations.ts'
import { createAcl } from '../orchestrator/acls/create-acl.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { commitOffsets } from './group-commit.ts'
import { createPropertiesFile, runCommand } from './mirror-process.ts'
import { flowProperties, login, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

interface ShownFinding {
  readonly check: string
  readonly severity: string
  readonly about: string
  readonly measured: string
  readonly advice: string | null
}

async function findingsOf (
  args: readonly string[], code: number
): Promise<readonly ShownFinding[]> {
  const { exit, stderr, stdout } = await runCommand(['doctor', ...args, '-o', 'json'])
  assert.equal(exit.code, code, stdout + stderr)
  const [flow] = JSON.parse(stdout) as ReadonlyArray<{ readonly findings: readonly ShownFinding[] }>
  assert.ok(flow !== undefined)
  return flow.findings
}

function text (findings: readonly ShownFinding[], check: string): string {
  return findings.filter(each => each.check === check)
    .map(({ about, advice, measured, severity }) =>
      `${severity} ${about}: ${measured}. ${advice}`).join('\n')
}

describe('longhaul doctor', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters()
    const { source, target } = clusters
    await source.createTopic('brief', { configs: { 'retention.ms': '7200000' } })
    await source.createTopic('wide', { configs: { 'max.message.bytes': '2000000' } })
    await source.createTopic('sound')
    await target.createTopic('east.wide',
      { configs: { 'cleanup.policy': 'compact', 'max.message.bytes': '1000' } })
    await target.createTopic('east.sound', { configs: { 'min.insync.replicas': '2' } })
    await produce(source.bootstrapServers, 'wide',
      Array.from({ length: 200 }, () => ({ value: 'x'.repeat(1_000) })))
  })
  after(async () => { await clusters.close() })

  test('compares settings and retention, measures both clusters, and ends with 10 for a problem',
    async t => {
      const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'brief|wide|sound' }))
      const findings = await findingsOf([file], 10)
      assert.match(text(findings, 'retention'), /^warning brief: retention\.ms=7200000 .*outage/)
      const settings = text(findings, 'topic settings')
      assert.match(settings, /warning east\.wide: max\.message\.bytes is 1000 .* 2000000/)
      assert.match(settings, /warning east\.wide: cleanup\.policy is compact .* delete/)
      assert.match(settings, /problem east\.sound: min\.insync\.replicas=2, but 1 replicas/)
      assert.match(text(findings, 'bandwidth and quotas'), /^ok east: .*B\/s over one .* of wide /)
      assert.match(text(findings, 'versions'), /^ok east: .*Fetch v16.*\nok west: .*Produce v\d/)
      assert.match(text(findings, 'clocks'), /^ok east: .*\nok west: the clock of the controller/)
      assert.match(text(findings, 'permissions'), /^ok east->west/)
      assert.match(text(findings, 'round trip'), /^ok east: .* to 1 broker\. null\nok west: /)
      assert.match(text(findings, 'file descriptors'), /this machine: up to \d+ of /)
      assert.match(text(findings, 'socket buffers'), /congestion control/)
      assert.match(text(findings, 'certificates'), /no cluster uses TLS/)
      assert.match(text(findings, 'start'), /^ok east->west: would mirror 3 topics/)
      const names = await clusters.target.admin.topicNames()
      assert.deepEqual(names.toSorted(), ['east.sound', 'east.wide'], 'the doctor creates nothing')
    })

  test('a retention that is shorter than the chosen outage is a problem, a longer one is not',
    async t => {
      const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'brief' }))
      assert.match(text(await findingsOf([file, '--outage', '3h'], 10), 'retention'), /^problem /)
      assert.match(text(await findingsOf([file, '--outage', '1h'], 0), 'retention'), /^ok /)
      const { exit, stderr } = await runCommand(['doctor', file, '--outage', 'soon'])
      assert.deepEqual([exit.code, /--outage=soon/.test(stderr)], [2, true])
    })

  test('a quota that delays the reading is a warning', async t => {
    const { source } = clusters
    await setQuota(source, 'ANONYMOUS', 'consumer_byte_rate', 1_000)
    t.after(async () => {
      await setQuota(source, 'ANONYMOUS', 'consumer_byte_rate', undefined)
    })
    const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'wide' }))
    assert.match(text(await findingsOf([file], 0), 'bandwidth and quotas'),
      /^warning east: a quota delays .*consumer_byte_rate/m)
  })

  test('a cluster that does not answer is a problem with its address', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'west.bootstrap.servers': '127.0.0.1:1', 'admin.timeout.ms': 4000 }))
    assert.match(text(await findingsOf([file], 10), 'start'),
      /^problem east->west: .*west\.bootstrap\.servers=127\.0\.0\.1:1/)
  })
})

describe('longhaul doctor of a user with few permissions', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({ sasl: { users: { guest: 'secret' }, superUsers: [] } })
  })
  after(async () => { await clusters.close() })

  test('names each missing permission with its resource', async t => {
    const { source, target } = clusters
    await source.createTopic('orders')
    await target.createTopic('east.orders')
    // With it the source has the topic of committed offsets, without which groups are not tried.
    await commitOffsets(createAdmin(t, source.plainBootstrapServers), 'readers',
      [{ topic: 'orders', partition: 0, offset: 0n, metadata: '' }])
    const grant = async (
      servers: string, name: string, operations: readonly string[]
    ): Promise<void> => {
      const acls = operations.map((operation): TopicAcl =>
        ({ ...createAcl({ name }), principal: 'User:guest', operation }))
      for (const { error } of await createAdmin(t, servers).createTopicAcls(acls)) {
        assert.equal(error, undefined)
      }
    }
    await grant(source.plainBootstrapServers, 'orders', ['READ', 'DESCRIBE_CONFIGS'])
    await grant(target.plainBootstrapServers, 'east.orders', ['READ', 'WRITE', 'ALTER'])
    const file = createPropertiesFile(t, flowProperties(clusters, {
      ...login('east', 'guest', 'secret'),
      ...login('west', 'guest', 'secret'),
      'topics': 'orders',
      'groups': 'readers, .*-eu',
      'sync.topic.acls.enabled': true,
      'canary.enabled': true
    }))
    const findings = await findingsOf([file], 10)
    const missing = text(findings, 'permissions')
    assert.match(missing, /^problem west: no DescribeConfigs on east\.orders: /m)
    assert.match(missing, /^problem west: no AlterConfigs on east\.orders: /m)
    assert.match(missing, /^problem east: no Describe on the cluster: .*ACLs.*longhaul acls FILE/m)
    assert.match(missing, /^problem west: .*group longhaul\.east->west/m)
    // The brokers do not report what they allow on groups, so the doctor tries it.
    assert.match(missing, /^problem east: .*group readers, .*; Longhaul reads the offsets/m)
    assert.match(missing, /^problem east: .*Grant DESCRIBE on the group longhaul\.east->west/m)
    assert.match(missing, /^problem west: no Create on longhaul-progress\.east\.internal/m)
    assert.match(missing, /^problem east: no Create on longhaul-canary\.west\.internal: /m)
    assert.doesNotMatch(missing, /no (Read|Write|Create|Alter) on (east\.)?orders/)
    assert.match(text(findings, 'clocks'), /^note east: clock unknown: /)
  })
})
