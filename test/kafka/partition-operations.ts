// What operators and time do to partitions: leaders move, records are deleted, logs are compacted.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaCluster } from './cluster.ts'
import { eventually, patienceMs } from './eventually.ts'
import { produce } from './kafka-producer.ts'
import { createTempFolder, removeFolder } from './process-guard.ts'
import { gapCount, readRawLog, type RawBatch } from './raw-log.ts'
import { int32, int64, requestRaw, string } from './raw-request.ts'
import { ResponseReader } from './raw-response.ts'

const deleteRecordsApi = { key: 21, version: 1 }
const deletionTimeoutMs = 8_000

/** Makes a broker the leader of a partition it is in sync with. Two JVM tools: about 3 s. */
export async function moveLeader (
  cluster: KafkaCluster, topic: string, partition: number, leader: number
): Promise<void> {
  const others = cluster.brokers.map(b => b.id).filter(id => id !== leader)
  await withJsonFile({
    version: 1, partitions: [{ topic, partition, replicas: [leader, ...others] }]
  }, async path => await cluster.runTool(
    'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
    ['--execute', '--reassignment-json-file', path]))
  await withJsonFile({ partitions: [{ topic, partition }] }, async path => await cluster.runTool(
    'org.apache.kafka.tools.LeaderElectionCommand',
    ['--election-type', 'preferred', '--path-to-json-file', path]))
  await untilLeader(cluster, topic, partition, id => id === leader)
}

/** Kills the leader's process and waits for the next one. Returns the killed broker's id. */
export async function killLeader (
  cluster: KafkaCluster, topic: string, partition: number
): Promise<number> {
  const old = await cluster.admin.leaderOf(topic, partition)
  await cluster.broker(old).kill('SIGKILL')
  await untilLeader(cluster, topic, partition, id => id >= 0 && id !== old)
  return old
}

/**
 * A topic of partitions with two replicas each, the first one leading; the other one may be elected
 * although it lacks acknowledged records.
 */
export async function createUncleanTopic (
  cluster: KafkaCluster, topic: string, partitions: number, [leader, follower]: readonly number[]
): Promise<void> {
  const replicas = Array.from({ length: partitions }, () => `${leader}:${follower}`).join(',')
  await cluster.runTool('org.apache.kafka.tools.TopicCommand', [
    '--create', '--topic', topic, '--replica-assignment', replicas,
    '--config', 'unclean.leader.election.enable=true', '--config', 'min.insync.replicas=1'
  ])
  for (let partition = 0; partition < partitions; partition++) {
    await untilLeader(cluster, topic, partition, id => id === leader)
  }
}

export async function untilLeader (
  cluster: KafkaCluster, topic: string, partition: number, isRight: (id: number) => boolean
): Promise<void> {
  await eventually(`leader of ${topic}-${partition}`, async () =>
    isRight(await cluster.admin.leaderOf(topic, partition).catch(() => -1)))
}

/** Moves the log start offset: consumers no longer read earlier records. */
export async function deleteRecords (
  cluster: KafkaCluster, topic: string, partition: number, beforeOffset: number
): Promise<void> {
  const leader = cluster.broker(await cluster.admin.leaderOf(topic, partition))
  const answer = new ResponseReader(await requestRaw(leader, deleteRecordsApi, Buffer.concat([
    int32(1), string(topic), int32(1), int32(partition), int64(BigInt(beforeOffset)),
    int32(deletionTimeoutMs)])))
  answer.int32() // throttled
  const [[error] = []] = answer.array(() => {
    answer.string()
    return answer.array(() => {
      answer.int32() // partition
      answer.int64() // log start offset
      return answer.int16()
    })
  })
  if (error !== 0) throw new Error(`DeleteRecords of ${topic}-${partition}: error ${error}`)
}

/** Bytes a second: `producer_byte_rate` or `consumer_byte_rate` of a user; undefined: no quota. */
export async function setQuota (
  cluster: KafkaCluster, user: string, quota: 'producer_byte_rate' | 'consumer_byte_rate',
  bytesPerSecond: number | undefined
): Promise<void> {
  const change = bytesPerSecond === undefined
    ? ['--delete-config', quota]
    : ['--add-config', `${quota}=${bytesPerSecond}`]
  await cluster.runTool('kafka.admin.ConfigCommand',
    ['--alter', '--entity-type', 'users', '--entity-name', user, ...change])
}

/** Sets properties of an existing topic. */
export async function alterTopicConfig (
  cluster: KafkaCluster, topic: string, configs: Readonly<Record<string, string>>
): Promise<void> {
  const list = Object.entries(configs).map(([key, value]) => `${key}=${value}`).join(',')
  await cluster.runTool('kafka.admin.ConfigCommand',
    ['--alter', '--entity-type', 'topics', '--entity-name', topic, '--add-config', list])
}

/** Topic properties with which the cleaner compacts a closed segment within a second. */
export const compactedTopicConfigs: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'segment.ms': '500',
  'min.cleanable.dirty.ratio': '0.01',
  'min.compaction.lag.ms': '0',
  'max.compaction.lag.ms': '500',
  // An expired tombstone is removed in the pass after the one that set its horizon.
  'delete.retention.ms': '60000'
}

/**
 * Resolves with the batches once the cleaner has left gaps in a partition of a topic that has
 * `compactedTopicConfigs`. Only closed segments are cleaned and only an append closes one, so this
 * appends a record now and then.
 */
export async function untilCompacted (
  cluster: KafkaCluster, topic: string, partition: number,
  { key = 'closes-the-segment', timeoutMs = patienceMs } = {}
): Promise<RawBatch[]> {
  const leader = cluster.broker(await cluster.admin.leaderOf(topic, partition))
  return await eventually(`gaps in ${topic}-${partition}`, async () => {
    await produce(cluster.plainBootstrapServers, topic, [{ key, value: 'x', partition }])
    const batches = readRawLog(leader.logDir, topic, partition)
    return gapCount(batches) > 0 && batches.some(batch => batch.thinned) ? batches : undefined
  }, { timeoutMs, intervalMs: 600 })
}

/** Resolves once two looks at the leaders' disks, half a second apart, found the same batches. */
export async function untilLogRests (
  cluster: KafkaCluster, topic: string, partitions: number
): Promise<void> {
  let before = ''
  await eventually(`rest of ${topic}`, async () => {
    const logs = await Promise.all(Array.from({ length: partitions }, async (_, partition) => {
      const leader = cluster.broker(await cluster.admin.leaderOf(topic, partition))
      return readRawLog(leader.logDir, topic, partition)
        .map(({ baseOffset, crc, recordCount }) => `${baseOffset} ${recordCount} ${crc}`)
    }))
    const now = logs.flat().join()
    const isSame = now === before
    before = now
    return isSame
  }, { intervalMs: 500 })
}

async function withJsonFile (
  content: unknown, body: (path: string) => Promise<unknown>
): Promise<void> {
  const folder = createTempFolder('kafka-json')
  try {
    const path = join(folder, 'input.json')
    writeFileSync(path, JSON.stringify(content))
    await body(path)
  } finally {
    removeFolder(folder)
  }
}
