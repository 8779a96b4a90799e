// Two real clusters of one Kafka broker each, for `demo --kafka`.
import type { Clock } from '../orchestrator/time/clock.ts'
import { reachClusters, type DemoClusters } from './demo-clusters.ts'
import { KafkaBroker } from './kafka-broker.ts'
import type { KafkaLibs } from './kafka-libs.ts'

export interface KafkaClustersOptions {
  readonly libs: KafkaLibs
  readonly clock: Clock
  readonly stopped: AbortSignal
}

export async function startKafkaClusters (options: KafkaClustersOptions): Promise<DemoClusters> {
  const started = await Promise.allSettled(['source', 'target'].map(
    async name => await KafkaBroker.start({ ...options, name })))
  const brokers = started.flatMap(result => result.status === 'fulfilled' ? [result.value] : [])
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map(async broker => { await broker.stop() }))
  }
  const [source, target] = brokers
  if (source === undefined || target === undefined) {
    await stop()
    throw started.find(result => result.status === 'rejected')?.reason
  }
  const { address } = source
  return reachClusters(
    { kind: 'Kafka, one broker each', source: address, target: target.address, lasting: false },
    stop)
}
