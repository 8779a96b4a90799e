// How fast one connection reads from the source, measured by a bounded number of bytes of a topic
// that the flow mirrors, and whether a quota delays it.
import type { BatchSample } from '../cluster/cluster-samples.ts'
import { listLogs } from '../cluster/offsets.ts'
import { formatBytes, formatSeconds } from '../observability/format.ts'
import type { Check, CheckContext, Finding } from './check.ts'
import { farMs, roundTripOf } from './round-trip.ts'

export interface Bandwidth extends Pick<BatchSample, 'bytes' | 'elapsedMs' | 'throttleMs'> {
  readonly topic: string
  readonly cluster: string
  /** Median of the brokers. */
  readonly roundTripMs: number | undefined
  readonly connectionsMax: number
}

const firstBytes = 256 * 1024
/** A shorter answer measures the round trip. */
const tellingBytes = 100_000
const bytesMax = 8 * 1024 * 1024
/** Long enough to be measured. */
const enoughMs = 1_000
/** Topics that are searched for records. */
const topicsMax = 50

/** Pure. Undefined: no topic of the flow holds records. */
export function judgeBandwidth (
  measured: Bandwidth | undefined, sourceAlias: string
): readonly Finding[] {
  if (measured === undefined) {
    return [{
      severity: 'note',
      about: sourceAlias,
      measured: 'not measured: no topic that the flow mirrors holds records'
    }]
  }
  const { bytes, cluster, connectionsMax, elapsedMs, roundTripMs = 0, throttleMs, topic } = measured
  if (bytes < tellingBytes && throttleMs === 0) {
    return [{
      severity: 'note',
      about: cluster,
      measured: `not measured: partition 0 of ${topic}, the longest, has ${formatBytes(bytes)}`
    }]
  }
  const rate = `${formatBytes(bytes / elapsedMs * 1000)}/s`
  const isFar = roundTripMs > farMs
  return [
    {
      severity: 'ok',
      about: cluster,
      measured: `${rate} over one connection: ${formatBytes(bytes)} of ${topic} in ` +
        formatSeconds(elapsedMs / 1000),
      ...isFar && {
        advice: `A lane opens up to ${connectionsMax} connections to a broker that is far ` +
          '(connections.per.broker.max); see socket buffers'
      }
    },
    ...throttleMs > 0
      ? [{
          severity: 'warning' as const,
          about: cluster,
          measured: `a quota delays this client by ${formatSeconds(throttleMs / 1000)}`,
          advice: 'Raise consumer_byte_rate for the user or client id of Longhaul ' +
            '(kafka-configs.sh --entity-type users or clients), or expect this rate'
        }]
      : []
  ]
}

export const bandwidthCheck: Check = {
  name: 'bandwidth and quotas',
  run: async context => judgeBandwidth(await measureBandwidth(context), context.config.source.alias)
}

async function measureBandwidth (
  { clusters: { source }, config, flow: { check }, roundTrips, signal }: CheckContext
): Promise<Bandwidth | undefined> {
  if (check.topics.length === 0) return undefined
  const logs = await listLogs(source, check.topics.slice(0, topicsMax)
    .map(({ topic }) => ({ topic, partition: 0 })))
  const lengths = logs.map(({ end, start }) => {
    const isKnown = start.error === undefined && end.error === undefined
    const length = isKnown ? end.offset - start.offset : 0n
    return { topic: start.topic, start: start.offset, length }
  })
  const longest = lengths.toSorted((one, other) => one.length > other.length ? -1 : 1)[0]
  if (longest === undefined || longest.length === 0n) return undefined
  const [described] = await source.describeTopics([longest.topic])
  const node = described?.partitions.find(({ partition }) => partition === 0)?.leader ?? -1
  if (node < 0) return undefined
  let last: BatchSample | undefined
  for (let size = firstBytes; size <= bytesMax; size *= 2) {
    signal.throwIfAborted()
    const sample = await source.sampleBatches({
      node,
      bytesMax: size,
      batchesMax: 0,
      partitions: [{
        topic: longest.topic,
        partition: 0,
        offset: longest.start,
        batchBytesMax: 0,
        keepsProducerTimestamps: false
      }]
    })
    const isWhole = sample.bytes < size / 2 // the log is shorter
    if (last === undefined || sample.bytes > last.bytes) last = sample
    if (isWhole || sample.elapsedMs >= enoughMs) break
  }
  return last && {
    ...last,
    topic: longest.topic,
    cluster: config.source.alias,
    roundTripMs: roundTripOf(roundTrips, 'source'),
    connectionsMax: config.settings['connections.per.broker.max']
  }
}
