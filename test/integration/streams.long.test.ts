// An application of Kafka Streams moves to the target: its group is synced as other groups are, and
// it continues at exactly the next record, also after transaction markers and aborted records. Once
// with a group of the classic protocol, once with a streams group (KIP-1071) on brokers of 4.4:
// those of 4.1 refuse the members of a streams group whose offsets were committed without members.
// Needs a JDK.
import assert from 'node:assert/strict'
import { delimiter, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { ensureJars, ensureStreamsJars } from '../kafka/jars.ts'
import { mustRunJava, quickStartFlags } from '../kafka/java.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { brokerVersions } from '../kafka/versions.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { untilRecords } from './comparison.ts'
import { interleaveTransactions } from './interleaved-transactions.ts'
import { createPropertiesFile, startMirror, type CleanUp } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const group = 'application'

type Protocol = 'classic' | 'streams'

/** What the application printed; it may read some more before it has closed. */
async function runApplication (
  t: CleanUp, cluster: KafkaCluster, protocol: Protocol, topic: string, count: number
): Promise<readonly string[]> {
  const state = createTempFolder('streams')
  t.after(async () => { removeFolder(state) })
  const printed = await mustRunJava({
    classPath: [await ensureStreamsJars(), (await ensureJars()).classPath].join(delimiter),
    className: join(repoRoot(), 'test/kafka/StreamsProgram.java'),
    flags: quickStartFlags,
    args: [
      `bootstrap.servers=${cluster.bootstrapServers}`, `application.id=${group}`,
      `state.dir=${state}`, `group.protocol=${protocol}`, 'commit.interval.ms=100',
      'auto.offset.reset=earliest', 'consumer.isolation.level=read_committed',
      '--', topic, String(count)
    ]
  }, { timeoutMs: 120_000 })
  return printed.split('\n').filter(line => /^\d \d+ \d \d$/.test(line))
}

async function continuesOnTarget (t: TestContext, protocol: Protocol): Promise<void> {
  const version = brokerVersions.find(each => each.version === '4.4.0')
  assert.ok(version)
  const clusters = await startClusters(protocol === 'streams' ? { version } : {})
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('ledger', { partitions: 2 })
  const written = await interleaveTransactions(source.bootstrapServers, 'ledger')
  const before = await runApplication(t, source, protocol, 'ledger', 10)
  written.push(...await interleaveTransactions(source.bootstrapServers, 'ledger'))
  const [atSource, atTarget] = [source, target].map(({ bootstrapServers }) =>
    createAdmin(t, bootstrapServers))
  const properties = flowProperties(clusters, { topics: 'ledger' })
  const first = await startMirror(t, createPropertiesFile(t, properties))
  await untilRecords(first, target, 'east.ledger', written.length)
  assert.equal((await first.stop()).code, 0)
  // Everything is mirrored by now, so the first offsets that are committed are the last ones.
  const mirror = await startMirror(t, createPropertiesFile(t,
    { ...properties, 'sync.group.offsets.enabled': true }))
  const committed = (await atSource?.groupOffsets([group]))?.[0]?.offsets.length ?? 0
  assert.ok(committed > 0, 'the application has committed')
  await mirror.until('the offsets of the application', async () =>
    (await atTarget?.groupOffsets([group]))?.[0]?.offsets.length === committed)
  assert.equal((await mirror.stop()).code, 0)
  const after = await runApplication(
    t, target, protocol, 'east.ledger', written.length - before.length)
  assert.deepEqual([...before, ...after].sort(), [...written].sort())
}

for (const protocol of ['classic', 'streams'] as const) {
  test(`an application of Kafka Streams continues at the next record: ${protocol} group`,
    async t => { await continuesOnTarget(t, protocol) })
}
