// Samples of files that MirrorMaker 2's users have: each is started as it is, by MirrorMaker 2 and
// by Longhaul, and mirrors the same records to the same topics. Needs Java.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'
import type { FlowConfig } from '../../src/orchestrator/config/config.ts'
import { parseConfig } from '../../src/orchestrator/config/parse-config.ts'
import { judgeTopic } from '../../src/orchestrator/policy/topic-filter.ts'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { eventually } from '../kafka/eventually.ts'
import { withJavaClasses } from '../kafka/java-compiler.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { countRecords } from './comparison.ts'
import type { Engine } from './either-mirror.ts'
import { numbered } from './failures/fault-probe.ts'
import { MirrorMaker } from './mirror-maker-process.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { aliasesIn, onClusters, samples, textOf } from './sample-files.ts'

const topics = ['orders', 'Example1', 'payments-v1', 'clicks', 'carts', 'logs.internal']
const records = 20
/** Written while a mirror runs, because a flow from `latest` mirrors nothing of before. */
const later = 'later'

/** Of each cluster, by alias: topics that hold records of applications, with these. */
type Mirrored = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

describe('a file as it is', { timeout: 3_600_000 }, () => {
  for (const sample of samples) {
    test(sample.name, async t => {
      const text = await textOf(t, sample)
      const ours = await mirroredBy(t, 'Longhaul', text)
      assert.deepEqual(ours, await mirroredBy(t, 'MirrorMaker 2', text))
    })
  }
})

async function mirroredBy (t: TestContext, engine: Engine, text: string): Promise<Mirrored> {
  const aliases = aliasesIn(text)
  const clusters = await Promise.all(aliases.map(async () => await startKafkaCluster()))
  try {
    const written = onClusters(text, clusters)
    const file = createPropertiesFile(t, {})
    writeFileSync(file, written)
    const flows = flowsOf(written)
    const clusterOf = (alias: string): KafkaCluster =>
      clusters[aliases.indexOf(alias)] ?? assert.fail(alias)
    for (const alias of new Set(flows.map(({ source }) => source.alias))) {
      await write(alias, clusterOf(alias))
    }
    const isThere = async (): Promise<boolean> => (await Promise.all(flows.map(async flow =>
      await isMirrored(flow, clusterOf(flow.source.alias), clusterOf(flow.target.alias)))))
      .every(Boolean)
    if (engine === 'Longhaul') await mirrorByLonghaul(t, file, isThere)
    else await mirrorByMirrorMaker(t, file, isThere)
    return Object.fromEntries(await Promise.all(clusters.map(async (cluster, index) =>
      [aliases[index] ?? '', await recordsOn(cluster)] as const)))
  } finally {
    await Promise.all(clusters.map(async cluster => { await cluster.close() }))
  }
}

/** As Longhaul reads the file; whether MirrorMaker 2 does the same, the test shows. */
function flowsOf (text: string): readonly FlowConfig[] {
  const parsed = parseConfig(text, { environment: {} })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(({ detail }) => detail).join('\n'))
  return parsed.config.flows
}

async function write (alias: string, cluster: KafkaCluster): Promise<void> {
  for (const topic of topics) {
    await cluster.createTopic(topic)
    await produce(cluster.bootstrapServers, topic, numbered(0, records)
      .map(record => ({ ...record, value: `${alias} ${String(record.value)}` })))
  }
}

async function isMirrored (
  flow: FlowConfig, source: KafkaCluster, target: KafkaCluster
): Promise<boolean> {
  const mirrored = topics.filter(topic => judgeTopic(flow.topics, topic) === 'mirrored')
  const isLatest = flow.settings['auto.offset.reset'] === 'latest'
  return (await Promise.all(mirrored.map(async topic => {
    // The next probe writes again what a broker does not take now.
    if (isLatest) await produce(source.bootstrapServers, topic, [{ value: later }]).catch(() => {})
    // A broker does not lead a topic of MirrorMaker 2 at once.
    const count = await countRecords(target, flow.policy.remoteTopic(topic)).catch(() => 0)
    return count >= (isLatest ? 1 : records)
  }))).every(Boolean)
}

async function mirrorByLonghaul (
  t: TestContext, file: string, isThere: () => Promise<boolean>
): Promise<void> {
  const checked = await runCommand(['validate', file])
  assert.equal(checked.exit.code, 0, `${checked.stdout}${checked.stderr}`)
  const mirror = await startMirror(t, file, ['-X', 'metrics.port=0'])
  await mirror.until('the records of the sample', isThere)
  assert.equal((await mirror.stop()).code, 0)
}

async function mirrorByMirrorMaker (
  t: TestContext, file: string, isThere: () => Promise<boolean>
): Promise<void> {
  await withJavaClasses(['CustomMM2ReplicationPolicy'], async classes => {
    const mirror = await MirrorMaker.start(t, file, { classes })
    await mirror.until('the records of the sample', isThere)
    await mirror.stop()
  })
}

async function recordsOn (
  cluster: KafkaCluster
): Promise<Readonly<Record<string, readonly string[]>>> {
  const names = (await cluster.admin.topicNames()).filter(name =>
    topics.some(topic => name.endsWith(topic))).sort()
  return Object.fromEntries(await Promise.all(names.map(async name => [name,
    await valuesOf(cluster, name)] as const)))
}

async function valuesOf (cluster: KafkaCluster, topic: string): Promise<readonly string[]> {
  // On a busy machine a partition may have no leader for a while.
  const records = await eventually(`records of ${topic}`, async () =>
    await readTopic(cluster.bootstrapServers, topic).catch(() => undefined))
  return records.map(({ value }) => String(value)).filter(value => value !== later)
}
