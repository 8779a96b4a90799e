// Everything on one machine: two clusters of one broker each, and the contenders one after another
// on the same data. Shows the cost of a mirror; the scenario long-link shows its use of a long
// line.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { Certificates } from '../../test/kafka/certificates.ts'
import {
  startKafkaCluster, type KafkaCluster, type KafkaClusterOptions
} from '../../test/kafka/cluster.ts'
import { createTempFolder, removeFolder } from '../../test/kafka/process-guard.ts'
import { measureRawLog, type LogSize } from '../../test/kafka/raw-log.ts'
import type { Contender, MirrorJob, TlsListener } from '../contenders/contender.ts'
import { measureRun, type MirrorFigures } from '../measure/mirror-run.ts'
import { medianOf } from '../measure/rounds.ts'
import { sourceBrokerId, targetBrokerId } from '../measure/thread-usage.ts'
import { shuffled } from '../random.ts'
import { brokerOptions, deleteTopicsExcept, logDirOf } from './brokers.ts'
import { writeCompactedLog } from './compacted-log.ts'
import { writeLoad, type LoadCodec } from './load.ts'

export interface LoopbackSettings {
  readonly records: number
  readonly recordBytes: number
  readonly batchBytes: number
  readonly codec: LoadCodec
  readonly partitions: number
  readonly contenders: readonly Contender[]
  /** Each runs every contender once, in a shuffled order. */
  readonly rounds: number
  /** Contenders reach both clusters over TLS. */
  readonly tls: boolean
  /** The topic is compacted; its batches lack records. */
  readonly isCompacted: boolean
  readonly say: (text: string) => void
}

export interface ContenderResult extends MirrorFigures {
  /** The remote topic; undefined for contenders that write none. */
  readonly targetBatches?: number
  readonly targetBytes?: number
}

export interface LoopbackResult {
  readonly source: LogSize
  /** The medians of all rounds. */
  readonly results: readonly ContenderResult[]
  /** The results of each contender, round by round. */
  readonly rounds: ReadonlyArray<readonly ContenderResult[]>
}

const topic = 'load'

export async function runLoopback (settings: LoopbackSettings): Promise<LoopbackResult> {
  const folder = createTempFolder('perf')
  const clusters: KafkaCluster[] = []
  const tls: TlsListener | undefined = settings.tls
    ? { name: 'TLS', certificates: await Certificates.create() }
    : undefined
  try {
    settings.say('starting two clusters of one broker')
    const options = { ...brokerOptions, ...listenersOf(tls) }
    const source = await startKafkaCluster(undefined, { ...options, firstBrokerId: sourceBrokerId })
    clusters.push(source)
    const target = await startKafkaCluster(undefined, { ...options, firstBrokerId: targetBrokerId })
    clusters.push(target)
    const size = await fillSource(source, target, settings, folder)
    const { contenders } = settings
    const rounds = contenders.map(() => [] as ContenderResult[])
    const random = createRandom(11)
    const order = Array.from({ length: settings.rounds }, () =>
      shuffled([...contenders.entries()], random)).flat()
    for (const [run, [nth, contender]] of order.entries()) {
      const own = join(folder, `${run}-${contender.name}`)
      mkdirSync(own)
      const job: MirrorJob = {
        source,
        target,
        sourceServers: serversOf(source, tls),
        targetServers: serversOf(target, tls),
        tls,
        topic,
        partitions: settings.partitions,
        records: size.records,
        bytes: size.bytes,
        batches: size.batches,
        folder: own
      }
      rounds[nth]?.push(await runOne(contender, job, settings.say))
    }
    return { source: size, results: rounds.map(medianOf), rounds }
  } finally {
    for (const cluster of clusters) await cluster.close()
    tls?.certificates.remove()
    removeFolder(folder)
  }
}

function serversOf (cluster: KafkaCluster, tls: TlsListener | undefined): string {
  return tls === undefined ? cluster.bootstrapServers : cluster.serversOf(tls.name)
}

function listenersOf (tls: TlsListener | undefined): Pick<KafkaClusterOptions, 'moreListeners'> {
  if (tls === undefined) return {}
  const config = tls.certificates.keyStore('broker')
  return { moreListeners: [{ name: tls.name, protocol: 'SSL', config }] }
}

async function fillSource (
  source: KafkaCluster, target: KafkaCluster, settings: LoopbackSettings, folder: string
): Promise<LogSize> {
  const { batchBytes, codec, partitions, recordBytes, records, say } = settings
  say(`writing ${records.toLocaleString('en')} records of ${recordBytes} bytes`)
  const load = { topic, records, recordBytes, batchBytes, codec }
  if (settings.isCompacted) {
    await writeCompactedLog(source, load, partitions, say)
  } else {
    await source.createTopic(topic, { partitions })
    await writeLoad(source, load, folder)
  }
  // Otherwise the first contender would run against a target broker whose code is not yet compiled.
  say('warming the target up')
  await target.createTopic('warm-up', { partitions })
  const warmUp = {
    topic: 'warm-up', records: Math.ceil(records / 10), recordBytes, batchBytes, codec
  }
  await writeLoad(target, warmUp, folder)
  await target.admin.deleteTopic('warm-up')
  const size = measureRawLog(logDirOf(source), topic)
  const batches = size.batches.toLocaleString('en')
  say(`${(size.bytes / 1e6).toFixed(0)} MB in ${batches} batches to mirror`)
  return size
}

async function runOne (
  contender: Contender, job: MirrorJob, say: (text: string) => void
): Promise<ContenderResult> {
  say(`running ${contender.name}`)
  // Lets the brokers finish work of the previous contender: deletions, flushes.
  await sleep(3_000)
  await contender.prepare?.()
  const figures = await measureRun(contender, job)
  say(`${contender.name}: ${figures.seconds.toFixed(1)} s, ` +
    `${figures.cpuSecondsPerGigabyte.toFixed(2)} CPU s/GB`)
  if (contender.targetTopic === undefined) return figures
  const targetTopic = contender.targetTopic(job.topic)
  const written = measureRawLog(logDirOf(job.target), targetTopic)
  if (written.records < job.records) {
    throw new Error(`${contender.name} wrote ${written.records} of ${job.records} records`)
  }
  await deleteTopicsExcept(job.source, topic => topic === job.topic)
  await deleteTopicsExcept(job.target)
  return { ...figures, targetBatches: written.batches, targetBytes: written.bytes }
}
