// Reads both clusters after a run and checks every partition.
import { createHash } from 'node:crypto'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { readTopic, type ConsumedRecord } from '../../test/kafka/kafka-consumer.ts'
import { checkLog, type CheckedRecord, type LogFindings } from './log-check.ts'
import { defectOf, loadedTopics, newestRecreation, recreationOf } from './numbered-load.ts'

export interface PartitionFindings extends LogFindings {
  readonly topic: string
  readonly partition: number
}

export interface Totals {
  readonly records: number
  readonly lost: number
  readonly doubled: number
  readonly reordered: number
  readonly altered: number
}

const readTimeoutMs = 180_000

export async function checkSides (
  source: KafkaCluster, target: KafkaCluster, remoteTopic: (topic: string) => string
): Promise<readonly PartitionFindings[]> {
  const findings: PartitionFindings[] = []
  for (const { name, partitions } of loadedTopics) {
    const upstream = await read(source, name)
    const downstream = await read(target, remoteTopic(name))
    for (let partition = 0; partition < partitions; partition++) {
      const of = (records: readonly ConsumedRecord[]): readonly ConsumedRecord[] =>
        records.filter(record => record.partition === partition)
      findings.push({ topic: name, partition, ...checkPartition(of(upstream), of(downstream)) })
    }
  }
  return findings
}

/**
 * Compares with the newest topic of the name, which is the one on the source. Losses of deleted
 * topics cannot be determined; their records on the target must be in order and unique.
 */
function checkPartition (
  upstream: readonly ConsumedRecord[], downstream: readonly ConsumedRecord[]
): LogFindings {
  const newest = Math.max(newestRecreation(downstream), newestRecreation(upstream))
  const found = checkLog(upstream.map(describe),
    downstream.filter(record => recreationOf(record) === newest).map(describe))
  const older = downstream.filter(record => recreationOf(record) < newest).map(describe)
  // Compares them with themselves, each once and in the order of the load: the rest are duplicates.
  const { doubled, reordered } = checkLog(inOrder(older), older)
  return { ...found, doubled: found.doubled + doubled, reordered: found.reordered + reordered }
}

function inOrder (records: readonly CheckedRecord[]): readonly CheckedRecord[] {
  const byNumber = new Map(records.map(record => [record.number, record]))
  const place = ({ number }: CheckedRecord): number[] => number.split('-').map(Number)
  return [...byNumber.values()].sort((a, b) => {
    const [, topicOfA = 0, placeOfA = 0] = place(a)
    const [, topicOfB = 0, placeOfB = 0] = place(b)
    return topicOfA - topicOfB || placeOfA - placeOfB
  })
}

export function totalsOf (findings: readonly PartitionFindings[]): Totals {
  const sum = (of: keyof Totals): number =>
    findings.reduce((total, found) => total + found[of], 0)
  return {
    records: sum('records'),
    lost: sum('lost'),
    doubled: sum('doubled'),
    reordered: sum('reordered'),
    altered: sum('altered')
  }
}

/** The committed records of a topic; none if the topic was never created. */
async function read (cluster: KafkaCluster, topic: string): Promise<ConsumedRecord[]> {
  if (!(await cluster.admin.topicNames()).includes(topic)) return []
  return await readTopic(cluster.plainBootstrapServers, topic, { timeoutMs: readTimeoutMs })
}

function describe (record: ConsumedRecord): CheckedRecord {
  const hash = createHash('sha256')
  const { headers, key, value, timestamp } = record
  for (const part of [key, value, ...headers.flat()]) {
    hash.update(part === null ? 'null' : `${part.length} `).update(part ?? '')
  }
  const digest = hash.update(String(timestamp)).digest('base64')
  const number = key?.toString('latin1') ?? 'no key'
  const defect = defectOf(record)
  return { number, digest: defect === undefined ? digest : `${digest} ${defect}` }
}
