// Reads both clusters after a run and has every partition checked.
import { createHash } from 'node:crypto'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { readTopic, type ConsumedRecord } from '../../test/kafka/kafka-consumer.ts'
import { checkLog, type CheckedRecord, type LogFindings } from './log-check.ts'
import { defectOf, loadedTopics } from './numbered-load.ts'

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
      const of = (records: readonly ConsumedRecord[]): CheckedRecord[] =>
        records.filter(record => record.partition === partition).map(describe)
      const found = checkLog(of(upstream), of(downstream))
      findings.push({ topic: name, partition, ...found })
    }
  }
  return findings
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

/** What a reader of committed records sees; of a topic that never came to be, nothing. */
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
