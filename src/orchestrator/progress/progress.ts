// Progress of a topic-partition and the records that keep it in the progress topic: JSON, so that
// kafka-console-consumer shows it to a person; offsets as strings, because JSON numbers lose
// digits.
import type { EpochEnd } from './leader-epochs.ts'

/** A position on both sides that belongs together. */
export interface ProgressPoint {
  /** Next source offset to mirror. */
  readonly upstream: bigint
  /** Next target offset, as far as this flow knows. */
  readonly downstream: bigint
  /** Records put into the target partition by this producer id, mod 2^31 (invariant B). */
  readonly sequence: number
}

/** Where a topic-partition stands. Never ahead of what the target acked (invariant C). */
export interface Progress extends ProgressPoint {
  /** Older positions, oldest first (progress-history.ts); absent in records of older versions. */
  readonly history?: readonly ProgressPoint[]
  /** Of the batch before `upstream`, on the source; absent: not known. */
  readonly leaderEpoch?: number
  /** Of the batches before those, oldest first; only with `leaderEpoch`. */
  readonly earlierEpochs?: readonly EpochEnd[]
  /** The topics that the offsets are of: a topic that was made again has another id. */
  readonly topicIds?: TopicIds
}

/** Base64 as Kafka prints them; absent where the cluster does not tell (before Kafka 2.8). */
export interface TopicIds {
  readonly source?: string
  readonly target?: string
}

/** The flow's one producer id on its target (invariant A). */
export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export type ProgressRecord =
  | { readonly kind: 'producer', readonly producer: ProducerIdentity }
  | {
    readonly kind: 'partition'
    readonly source: TopicPartition
    readonly progress: Progress
    /** The id that `progress.sequence` counts for. */
    readonly producerId: bigint
  }

export interface EncodedRecord {
  readonly key: Buffer
  readonly value: Buffer
}

const version = 1

export function encodeProgress (record: ProgressRecord): EncodedRecord {
  if (record.kind === 'producer') {
    const { producerId, producerEpoch } = record.producer
    return encode({ producer: true }, { version, producerId: String(producerId), producerEpoch })
  }
  const { source, progress, producerId } = record
  const { topicIds } = progress
  return encode({ topic: source.topic, partition: source.partition }, {
    version,
    upstream: String(progress.upstream),
    downstream: String(progress.downstream),
    sequence: progress.sequence,
    producerId: String(producerId),
    // JSON leaves out what is undefined.
    leaderEpoch: progress.leaderEpoch,
    earlierEpochs: progress.earlierEpochs?.map(({ end, epoch }) => [epoch, String(end)]),
    sourceTopicId: topicIds?.source,
    targetTopicId: topicIds?.target,
    history: progress.history?.map(point =>
      [String(point.upstream), String(point.downstream), point.sequence])
  })
}

/** Undefined for what this version does not understand: a tombstone, or a later version's kind. */
export function decodeProgress (
  key: Buffer | null, value: Buffer | null
): ProgressRecord | undefined {
  const names = parse(key)
  const fields = parse(value)
  if (names === undefined || fields === undefined || fields['version'] !== version) return undefined
  const producerId = toBigInt(fields['producerId'])
  if (producerId === undefined) return undefined
  if (names['producer'] === true) {
    const producerEpoch = toCount(fields['producerEpoch'])
    if (producerEpoch === undefined) return undefined
    return { kind: 'producer', producer: { producerId, producerEpoch } }
  }
  const { topic } = names
  const partition = toCount(names['partition'])
  const point = toPoint([fields['upstream'], fields['downstream'], fields['sequence']])
  if (typeof topic !== 'string' || partition === undefined || point === undefined) return undefined
  const topicIds = toTopicIds(fields['sourceTopicId'], fields['targetTopicId'])
  const history = toHistory(fields['history'])
  const progress = {
    ...point,
    ...toLeaderEpochs(fields['leaderEpoch'], fields['earlierEpochs']),
    ...(topicIds === undefined ? {} : { topicIds }),
    ...(history === undefined ? {} : { history })
  }
  return { kind: 'partition', source: { topic, partition }, progress, producerId }
}

/** A map key for a topic-partition; topic names hold no slash. */
export function partitionKey ({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

function encode (key: object, value: object): EncodedRecord {
  return { key: Buffer.from(JSON.stringify(key)), value: Buffer.from(JSON.stringify(value)) }
}

function parse (bytes: Buffer | null): Record<string, unknown> | undefined {
  if (bytes === null) return undefined
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null
      ? parsed as Record<string, unknown>
      : undefined
  } catch {
    return undefined
  }
}

/** None where one of them cannot be read: half a history would find the wrong offset. */
function toLeaderEpochs (
  newest: unknown, earlier: unknown
): Pick<Progress, 'leaderEpoch' | 'earlierEpochs'> {
  const leaderEpoch = toCount(newest)
  if (leaderEpoch === undefined || !Array.isArray(earlier)) return {}
  const earlierEpochs = earlier.flatMap((pair: unknown) => toEpochEnd(pair) ?? [])
  return earlierEpochs.length === earlier.length ? { leaderEpoch, earlierEpochs } : {}
}

function toEpochEnd (pair: unknown): EpochEnd | undefined {
  if (!Array.isArray(pair)) return undefined
  const epoch = pair[0] === -1 ? -1 : toCount(pair[0])
  const end = toBigInt(pair[1])
  return epoch === undefined || end === undefined ? undefined : { epoch, end }
}

function toTopicIds (source: unknown, target: unknown): TopicIds | undefined {
  const ids = {
    ...(typeof source === 'string' ? { source } : {}),
    ...(typeof target === 'string' ? { target } : {})
  }
  return Object.keys(ids).length === 0 ? undefined : ids
}

function toHistory (points: unknown): readonly ProgressPoint[] | undefined {
  if (!Array.isArray(points)) return undefined
  return points.flatMap((point: unknown) => toPoint(point) ?? [])
}

function toPoint (fields: unknown): ProgressPoint | undefined {
  if (!Array.isArray(fields)) return undefined
  const upstream = toBigInt(fields[0])
  const downstream = toBigInt(fields[1])
  const sequence = toCount(fields[2])
  return upstream === undefined || downstream === undefined || sequence === undefined
    ? undefined
    : { upstream, downstream, sequence }
}

function toBigInt (text: unknown): bigint | undefined {
  return typeof text === 'string' && /^\d{1,19}$/.test(text) ? BigInt(text) : undefined
}

function toCount (number: unknown): number | undefined {
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0
    ? number
    : undefined
}
