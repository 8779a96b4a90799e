// Compares the names and labels of metrics.mirror.maker.names with the JMX beans of MirrorMaker 2,
// which mirrors with the same file on the same clusters. Needs a JDK.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricNames } from '../../src/orchestrator/observability/metrics.ts'
import { metricTable, type MetricRow } from '../../src/orchestrator/observability/metric-table.ts'
import { eventually } from '../kafka/eventually.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { untilRecords } from './comparison.ts'
import { MirrorMaker, ofMirrorMaker, type Bean } from './mirror-maker-process.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const partitions = 2
const records = 40

/**
 * The series that Strimzi's rules for the JMX exporter derive from a bean: a part of its type in
 * the name, its other properties as labels, attributes in lower case with underscores.
 */
function seriesOf ({ attributes, domain, properties }: Bean): readonly string[] {
  const [[, type = ''] = [], ...pairs] = properties.split(',').map(pair => pair.split('='))
  const labels = pairs.map(([name = '', ...value]) =>
    `${name.replaceAll('-', '')}="${value.join('=').replaceAll('"', '\\"')}"`).sort().join(',')
  const prefix = domain === 'kafka.consumer'
    ? `kafka_${type.replace(/-metrics$/, '')}`
    : `kafka_connect_mirror_${type}`
  return attributes.map(attribute =>
    `${`${prefix}_${attribute}`.toLowerCase().replaceAll('-', '_')}{${labels}}`)
}

/** Consumers of internal topics, and attributes that no dashboard of a mirror shows. */
const isCompared = (series: string): boolean => series.startsWith('kafka_connect_mirror_') ||
  (series.startsWith('kafka_consumer_fetch_manager_records_lag{') &&
    series.includes('replication-consumer'))

test('series under the names of MirrorMaker 2 are those of its own beans', async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('orders', { partitions })
  const write = async (): Promise<void> => {
    await produce(source.bootstrapServers, 'orders', Array.from({ length: records }, (_, i) =>
      ({ value: `record ${i}`, partition: i % partitions })))
  }
  await write()
  const offsets = Array.from({ length: partitions }, (_, partition) =>
    ({ topic: 'orders', partition, offset: BigInt(records / partitions), metadata: '' }))
  const admin = createAdmin(t, source.bootstrapServers)
  await eventually('a commit: the coordinator of a new cluster comes late', async () => {
    await admin.commitGroupOffsets('billing', offsets)
    const [group] = await admin.groupOffsets(['billing'])
    return group?.offsets.length === partitions
  })
  const file = createPropertiesFile(t, flowProperties(clusters, {
    ...ofMirrorMaker,
    'topics': 'orders',
    'metrics.mirror.maker.names': true,
    'emit.checkpoints.interval.seconds': 1,
    'refresh.groups.interval.seconds': 1
  }))

  const mirror = await startMirror(t, file)
  await untilRecords(mirror, target, 'east.orders', records)
  const names = metricNames(false, true)
    .filter(name => (metricTable[name] as MetricRow).ofMirrorMaker === true)
  const ours = new Set<string>()
  const missing = (): readonly string[] => names.filter(name =>
    ![...ours].some(each => each === name || each.startsWith(`${name}{`)))
  await mirror.until('a series of each name', async () => {
    for (const each of (await mirror.metrics()).series.keys()) ours.add(each)
    return missing().length === 0
  }, 60_000).catch((error: unknown) => {
    assert.deepEqual(missing(), [], String(error))
  })
  assert.equal((await mirror.stop()).code, 0)

  const mirrorMaker = await MirrorMaker.start(t, file, { hasBeans: true })
  await mirrorMaker.untilRecords(target, 'east.orders', 2 * records)
  const theirs = await mirrorMaker.until('beans of records and of checkpoints', async () => {
    // Which task has a partition is random.
    const series = (await mirrorMaker.beans()).flatMap(seriesOf)
      .map(each => each.replace(/\|MirrorSourceConnector-\d+\|/, '|MirrorSourceConnector-0|'))
    // MirrorMaker 2 registers the beans of a partition when it has its first record or checkpoint.
    const isOfAll = (name: string): boolean => Array.from({ length: partitions }, (_, partition) =>
      `partition="${partition}"`).every(label =>
      series.some(each => each.includes(`${name}{`) && each.includes(label)))
    return isOfAll('checkpoint_latency_ms') && isOfAll('record_count') &&
      series.some(each => each.startsWith('kafka_consumer_fetch_manager_records_lag{') &&
        each.includes('replication-consumer'))
      ? series.filter(isCompared).sort()
      : undefined
  })
  // Every series has a bean, and every bean a series.
  assert.deepEqual([...ours].filter(each => isCompared(each) && !theirs.includes(each)), [])
  assert.deepEqual(theirs.filter(each => !ours.has(each)), [])
  await mirrorMaker.kill()
})
