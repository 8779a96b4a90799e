// The load: records of the given size with semi-random text, written by Kafka's own perf producer.

import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { ensureJars } from '../../test/kafka/jars.ts'
import { mustRunJava } from '../../test/kafka/java.ts'
import type { Random } from '../../src/orchestrator/time/clock.ts'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'

export interface Load {
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
  /** batch.size of the producer: the size of its batches before compression. */
  readonly batchBytes: number
  /** compression.type of the producer. */
  readonly codec: LoadCodec
}

export const loadCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type LoadCodec = typeof loadCodecs[number]

/** The default load of the scenarios. */
export const usualBatches: Pick<Load, 'batchBytes' | 'codec'> =
  { batchBytes: 131_072, codec: 'lz4' }


// Ten thousand distinct records: more than lz4's window, so that repeats are not compressed away.
const distinctRecords = 10_000
const loadTimeoutMs = 900_000

export async function writeLoad (cluster: KafkaCluster, load: Load, folder: string): Promise<void> {
  const payloads = join(folder, `payloads-${load.topic}.txt`)
  await writePayloads(payloads, load.recordBytes)
  const { classPath } = await ensureJars()
  await mustRunJava({
    classPath,
    className: 'org.apache.kafka.tools.ProducerPerformance',
    flags: ['-Xmx512m', '-Dlonghaul.log.level=ERROR'],
    args: ['--topic', load.topic, '--num-records', String(load.records), '--throughput', '-1',
      '--payload-file', payloads, '--producer-props',
      `bootstrap.servers=${cluster.bootstrapServers}`, 'acks=all',
      `compression.type=${load.codec}`, `batch.size=${load.batchBytes}`,
      `max.request.size=${Math.max(1_048_576, 2 * load.batchBytes)}`, 'linger.ms=20']
  }, { timeoutMs: loadTimeoutMs })
}

/** Words and noise: lz4 compresses it to about three quarters. */
export function recordText (random: Random, index: number, recordBytes: number): string {
  let text = `{"id":${index},"text":"`
  while (text.length < recordBytes) text += `${nextWord(random)} `
  return text.slice(0, recordBytes)
}

/** One record for each line. */
async function writePayloads (path: string, recordBytes: number): Promise<void> {
  const file = createWriteStream(path)
  const random = createRandom(20_240_501)
  for (let index = 0; index < distinctRecords; index++) {
    if (!file.write(`${recordText(random, index, recordBytes)}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'finish')
}

const words = 'batch offset leader epoch follower segment record topic partition cluster'.split(' ')

function nextWord (random: Random): string {
  const isWord = random() < 0.4
  if (isWord) return words[Math.floor(random() * words.length)] ?? ''
  return Math.floor(random() * 2 ** 48).toString(36)
}
