// MirrorMaker 2 as connect-mirror-maker.sh starts it, producer and consumer tuned for throughput.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureJars } from '../../../test/kafka/jars.ts'
import { javaArguments, javaProgram } from '../../../test/kafka/java.ts'
import { startProcess } from '../contender-process.ts'
import { flowLines, type Contender, type MirrorJob } from '../contender.ts'
import { targetProgress } from '../target-progress.ts'

// Also the prefix of its remote topics, so that each contender has its own remote topics.
const alias = 'mirror-maker'

// KAFKA_HEAP_OPTS and KAFKA_JVM_PERFORMANCE_OPTS of Kafka's scripts.
const jvmFlags: readonly string[] = [
  '-Xms256m', '-Xmx2g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent',
  '-Djava.awt.headless=true'
]

function renderProperties (job: MirrorJob): string {
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
    'target.producer.compression.type = lz4',
    'target.producer.batch.size = 131072',
    'target.producer.linger.ms = 20',
    `${alias}.consumer.max.partition.fetch.bytes = 8388608`,
    ''
  ].join('\n')
}

export const mirrorMaker: Contender = {
  name: 'mirror-maker',
  description: 'MirrorMaker 2 4.1.0, -Xmx2g; producer lz4, batch.size 131072, linger.ms 20; ' +
    'consumer max.partition.fetch.bytes 8 MiB; tasks.max one a partition',
  targetTopic: topic => `${alias}.${topic}`,
  async start (job) {
    const file = join(job.folder, 'connect-mirror-maker.properties')
    writeFileSync(file, renderProperties(job))
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
