// The shape every contender has: it copies one topic from cluster to cluster, in its own process.

import type { Certificates } from '../../test/kafka/certificates.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'

export interface MirrorJob {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  /** The bootstrap.servers of both clusters for the contender: of TLS, or behind a line. */
  readonly sourceServers: string
  readonly targetServers: string
  /** Given, those are listeners of TLS. */
  readonly tls: TlsListener | undefined
  readonly topic: string
  readonly partitions: number
  /** What the source's log holds: the goal. */
  readonly records: number
  readonly bytes: number
  /** For properties files and the like; removed after the run. */
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
  /** Ends it in order, by its own pid. */
  stop: () => Promise<void>
  /** The last lines it said, for the case that it fails. */
  outputTail: () => string
}

export interface Contender {
  readonly name: string
  /** One line for the results: version and settings. */
  readonly description: string
  /** The remote topic's name, for those that write one. */
  readonly targetTopic?: (topic: string) => string
  /** What a user does once, before the first start: building it, fetching jars. Not measured. */
  prepare?: () => Promise<void>
  start: (job: MirrorJob) => Promise<RunningContender>
}

/** The lines that every mirror of MirrorMaker 2's kind begins with: one flow of the job's topic. */
export function flowLines (alias: string, job: MirrorJob): readonly string[] {
  return [
    `clusters = ${alias}, target`,
    ...clusterLines(alias, job.sourceServers, job.tls),
    ...clusterLines('target', job.targetServers, job.tls),
    `${alias}->target.enabled = true`,
    `${alias}->target.topics = ${job.topic}`
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
