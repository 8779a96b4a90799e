// The interface of every contender: it copies one topic from cluster to cluster, in a separate
// process.

import type { Certificates } from '../../test/kafka/certificates.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'

export interface MirrorJob {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  /** The bootstrap.servers of both clusters for the contender: of TLS, or behind a line. */
  readonly sourceServers: string
  readonly targetServers: string
  /** If present, the addresses are TLS listeners. */
  readonly tls: TlsListener | undefined
  readonly topic: string
  /** Topics that are mirrored, too, and have no part in the progress. */
  readonly moreTopics?: readonly string[]
  readonly partitions: number
  /** The size of the source's log: the goal. */
  readonly records: number
  readonly bytes: number
  readonly batches?: number
  /** For properties files and other files; removed after the run. */
  readonly folder: string
}

export interface TlsListener {
  readonly name: string
  readonly certificates: Certificates
}

export interface RunningContender {
  /** The process that is measured, children included. */
  readonly pid: number
  /** From 0 to 1; above 0 as soon as the first record is readable on the target. */
  progress: () => Promise<number>
  /** Stops the contender in order, by its pid. */
  stop: () => Promise<void>
  /** The last lines of its output, for a failure. */
  outputTail: () => string
}

export interface Contender {
  readonly name: string
  /** One line for the results: version and settings. */
  readonly description: string
  /** The name of the remote topic, for contenders that write one. */
  readonly targetTopic?: (topic: string) => string
  /** What a user does once before the first start: builds, fetches jars. Not measured. */
  prepare?: () => Promise<void>
  start: (job: MirrorJob) => Promise<RunningContender>
}

/** The common first lines of MirrorMaker 2's and Longhaul's files: one flow of the job's topic. */
export function flowLines (alias: string, job: MirrorJob): readonly string[] {
  return [
    `clusters = ${alias}, target`,
    ...clusterLines(alias, job.sourceServers, job.tls),
    ...clusterLines('target', job.targetServers, job.tls),
    `${alias}->target.enabled = true`,
    `${alias}->target.topics = ${[job.topic, ...job.moreTopics ?? []].join(',')}`
  ]
}

function clusterLines (
  alias: string, servers: string, tls: TlsListener | undefined
): readonly string[] {
  const address = `${alias}.bootstrap.servers = ${servers}`
  if (tls === undefined) return [address]
  return [
    address,
    `${alias}.security.protocol = SSL`,
    `${alias}.ssl.truststore.type = PEM`,
    `${alias}.ssl.truststore.location = ${tls.certificates.path('ca.pem')}`
  ]
}
