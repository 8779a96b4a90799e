// MirrorMaker 2 as connect-mirror-maker.sh starts it: with producer and consumer tuned for
// throughput, or with their defaults, which wait for no further records.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureJars } from '../../../test/kafka/jars.ts'
import { javaArguments, javaProgram } from '../../../test/kafka/java.ts'
import { startProcess } from '../contender-process.ts'
import { flowLines, type Contender, type MirrorJob } from '../contender.ts'
import { targetProgress } from '../target-progress.ts'

// KAFKA_HEAP_OPTS and KAFKA_JVM_PERFORMANCE_OPTS of Kafka's scripts.
const jvmFlags: readonly string[] = [
  '-Xms256m', '-Xmx2g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent',
  '-Djava.awt.headless=true'
]

interface Variant {
  readonly name: string
  readonly description: string
  /** Lines of the file; `alias` is the source. */
  readonly tuning: (alias: string) => readonly string[]
}

function renderProperties (alias: string, tuning: readonly string[], job: MirrorJob): string {
  return [
    ...flowLines(alias, job),
    `target->${alias}.enabled = false`,
    // Otherwise every ordered pair has a worker, only for its heartbeats.
    `target->${alias}.emit.heartbeats.enabled = false`,
    `tasks.max = ${job.partitions}`,
    'replication.factor = 1',
    'checkpoints.topic.replication.factor = 1',
    'heartbeats.topic.replication.factor = 1',
    'offset-syncs.topic.replication.factor = 1',
    'offset.storage.replication.factor = 1',
    'status.storage.replication.factor = 1',
    'config.storage.replication.factor = 1',
    ...tuning,
    ''
  ].join('\n')
}

function createMirrorMaker ({ name, description, tuning }: Variant): Contender {
  // Also the prefix of its remote topics, so that each contender has its own remote topics.
  const alias = name
  return {
    name,
    description: `MirrorMaker 2 4.1.0, -Xmx2g; ${description}; tasks.max one a partition`,
    targetTopic: topic => `${alias}.${topic}`,
    async start (job) {
      const file = join(job.folder, 'connect-mirror-maker.properties')
      writeFileSync(file, renderProperties(alias, tuning(alias), job))
      const { classPath } = await ensureJars()
      const child = startProcess(job.folder, javaProgram(), javaArguments({
        classPath,
        className: 'org.apache.kafka.connect.mirror.MirrorMaker',
        args: [file],
        flags: jvmFlags
      }))
      return { ...child, progress: targetProgress(job, `${alias}.${job.topic}`) }
    }
  }
}

export const mirrorMaker = createMirrorMaker({
  name: 'mirror-maker',
  description: 'producer lz4, batch.size 131072, linger.ms 20; ' +
    'consumer max.partition.fetch.bytes 8 MiB; socket buffers -1',
  tuning: alias => [
    'target.producer.compression.type = lz4',
    'target.producer.batch.size = 131072',
    'target.producer.linger.ms = 20',
    `${alias}.consumer.max.partition.fetch.bytes = 8388608`,
    // Otherwise 64 KiB bound what a connection has in flight over a network of packets.
    `${alias}.consumer.receive.buffer.bytes = -1`,
    'target.producer.send.buffer.bytes = -1'
  ]
})

export const mirrorMakerDefaults = createMirrorMaker({
  name: 'mirror-maker-defaults',
  description: 'producer and consumer with their defaults',
  tuning: () => []
})
