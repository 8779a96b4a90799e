// The records of the progress topic, as JSON that kafka-console-consumer shows to a person.
//
//   {"topic":"orders","partition":3}                  the position: small, written every second
//   {"topic":"orders","partition":3,"history":true}   older points and epochs: larger, rare
//   {"topic":"orders","partition":3,"offsets":true}   where its records are (offset-map-record.ts)
//   {"topic":"orders","partition":3,"missing":true}   since when the source has not had it
//   {"producer":true}                                 the producer id of the flow, in slot 0
//   {"firstLook":0}                                   partition counts of the source's topics when
//                                                     the flow first looked, some topics a record
//
// Offsets are strings, because JSON numbers lose digits. `version` names the oldest reader that
// understands a record. The rules for later builds:
// - A reader ignores a field that it does not know, and does not write it again; a new field that
// readers may ignore does not raise the version. So builds with the same version may run side by
// side, and an upgrade may be rolled back.
// - A reader ignores a key that it does not know, if it knows the version.
// - A higher version under any key, or an unreadable value under a known key, is an error: without
// its position a partition would begin again.
// Version 1 kept history inside the position; readers accept it, and the next write replaces it.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { EpochEnd } from './leader-epochs.ts'
import { offsetMapFields, toOffsetMap, type OffsetMapOnRecord } from './offset-map-record.ts'
import type {
  ProducerIdentity, Progress, ProgressPoint, TopicIds, TopicPartition
} from './progress.ts'

export const progressVersion = 2

/** The producer id of a flow, and the source cluster that the flow mirrors with it. */
export interface FlowProducer extends ProducerIdentity {
  /** Absent in version 1, and where the cluster has none (before Kafka 0.10.1). */
  readonly sourceClusterId?: string
  /** The cluster that `sourceClusterId` has replaced, with the operator's consent. */
  readonly replacesClusterId?: string
  /** Whether topics keep their names, or ever did; absent in records of older builds. */
  readonly keepsNames?: boolean
  /** Of a flow that keeps names: the ids of the clusters whose records it carries. */
  readonly carried?: readonly string[]
}

/** Older points and epochs of one partition; they count only for the position of the same era. */
export interface HistoryOnRecord {
  readonly era: number
  readonly points: readonly ProgressPoint[]
  readonly epochs: readonly EpochEnd[]
}

/** The source has not had this topic-partition since then (epoch ms; progress-retention.ts). */
export interface MissingOnRecord {
  readonly source: TopicPartition
  readonly sinceMs: number
}

export type ProgressEntry =
  | { readonly kind: 'producer', readonly producer: FlowProducer }
  | {
    readonly kind: 'firstLook'
    readonly part: number
    readonly topics: ReadonlyMap<string, number>
  }
  | {
    readonly kind: 'position'
    readonly source: TopicPartition
    /** With history only if a record of version 1 holds it. */
    readonly progress: Progress
    /** The producer id that `progress.sequence` belongs to. */
    readonly producerId: bigint
  }
  | {
    readonly kind: 'history'
    readonly source: TopicPartition
    readonly history: HistoryOnRecord
  }
  | {
    readonly kind: 'offsets'
    readonly source: TopicPartition
    readonly offsets: OffsetMapOnRecord
  }
  | ({ readonly kind: 'missing' } & MissingOnRecord)

export type ProgressKey =
  | { readonly kind: 'producer' }
  | { readonly kind: 'firstLook', readonly part: number }
  | { readonly kind: 'position', readonly source: TopicPartition }
  | { readonly kind: 'history', readonly source: TopicPartition }
  | { readonly kind: 'offsets', readonly source: TopicPartition }
  | { readonly kind: 'missing', readonly source: TopicPartition }

/** A value of null is a tombstone: compaction then removes the key. */
export interface EncodedRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

export function encodeProducer (producer: FlowProducer): EncodedRecord {
  const producerId = String(producer.producerId)
  return {
    key: toJson({ producer: true }),
    value: toJson({ version: progressVersion, ...producer, producerId })
  }
}

/** JSON omits undefined fields. */
export function encodePosition (
  source: TopicPartition, progress: Progress, producerId: bigint
): EncodedRecord {
  return {
    key: positionKey(source),
    value: toJson({
      version: progressVersion,
      upstream: String(progress.upstream),
      downstream: String(progress.downstream),
      sequence: progress.sequence,
      leaderEpoch: progress.leaderEpoch,
      producerId: String(producerId),
      sourceTopicId: progress.topicIds?.source,
      targetTopicId: progress.topicIds?.target,
      era: progress.era
    })
  }
}

export function encodeHistory (source: TopicPartition, progress: Progress): EncodedRecord {
  const { earlierEpochs = [], era = 0, history = [] } = progress
  return {
    key: historyKey(source),
    value: toJson({
      version: progressVersion,
      era,
      points: history.map(point =>
        [String(point.upstream), String(point.downstream), point.sequence]),
      epochs: earlierEpochs.map(({ end, epoch }) => [epoch, String(end)])
    })
  }
}

export function encodeOffsetMap (source: TopicPartition, progress: Progress): EncodedRecord {
  return {
    key: offsetMapKey(source),
    value: toJson({ version: progressVersion, ...offsetMapFields(progress) })
  }
}

/** One record for each `topicsPerPart` topics, so that no record exceeds the broker's limit. */
export function encodeFirstLook (
  topics: ReadonlyMap<string, number>
): readonly EncodedRecord[] {
  const all = [...topics]
  const parts = Math.max(1, Math.ceil(all.length / topicsPerPart))
  return Array.from({ length: parts }, (_, part) => ({
    key: toJson({ firstLook: part }),
    value: toJson({
      version: progressVersion,
      topics: Object.fromEntries(all.slice(part * topicsPerPart, (part + 1) * topicsPerPart))
    })
  }))
}

export function encodeMissing ({ sinceMs, source }: MissingOnRecord): EncodedRecord {
  return { key: missingKey(source), value: toJson({ version: progressVersion, sinceMs }) }
}

/** The source has the topic-partition again. */
export function encodeFound (source: TopicPartition): EncodedRecord {
  return { key: missingKey(source), value: null }
}

/** For a deleted topic-partition. The mark is removed last: after a crash, the rest is repeated. */
export function encodeTombstones (source: TopicPartition): readonly EncodedRecord[] {
  return [positionKey(source), historyKey(source), offsetMapKey(source), missingKey(source)]
    .map(key => ({ key, value: null }))
}

/** Undefined for a tombstone and for a key that this version does not know. */
export function decodeProgress (
  key: Buffer | null, value: Buffer | null
): ProgressEntry | undefined {
  const names = fromJson(key)
  const fields = fromJson(value)
  if (names === undefined || value === null) return undefined
  const version = fields?.['version']
  if (isCount(version) && version > progressVersion) {
    throw new ReplicatorError('PROGRESS_VERSION_UNKNOWN',
      `${String(key)} has version ${version}, this build knows versions up to ${progressVersion}`)
  }
  const named = toKey(names)
  if (named === undefined) return undefined
  const entry = isCount(version) && fields !== undefined ? toEntry(named, fields) : undefined
  if (entry !== undefined) return entry
  throw new ReplicatorError('PROGRESS_UNREADABLE', `the record with the key ${String(key)} is ` +
    `damaged: ${String(value.subarray(0, shownBytesMax))}`)
}

/** What a key identifies; undefined for a key that this version does not know. */
export function decodeKey (key: Buffer): ProgressKey | undefined {
  const names = fromJson(key)
  return names === undefined ? undefined : toKey(names)
}

/**
 * The position with the history on record. If that history is missing or of another era, as after a
 * crash between the two writes, the leader epoch is omitted, too: without the ends of the epochs
 * before it, the search in a truncated source would use the wrong offset.
 */
export function withHistory (
  position: Progress, history: HistoryOnRecord | undefined
): Progress {
  const { earlierEpochs, leaderEpoch, ...rest } = position
  if (earlierEpochs !== undefined) return position // version 1
  if (history === undefined || history.era !== (position.era ?? 0)) return rest
  const points = history.points.filter(({ downstream, upstream }) =>
    downstream <= position.downstream && upstream <= position.upstream)
  if (leaderEpoch === undefined) return { ...rest, history: points }
  const epochs = history.epochs.filter(({ epoch }) => epoch < leaderEpoch)
  return { ...rest, leaderEpoch, earlierEpochs: epochs, history: points }
}

const shownBytesMax = 200
/** Topic names have at most 249 characters: half of the megabyte that brokers accept by default. */
const topicsPerPart = 2_000

function toKey (names: Fields): ProgressKey | undefined {
  const { history, missing, offsets, partition, producer, topic } = names
  if (producer === true) return { kind: 'producer' }
  if (isCount(names['firstLook'])) return { kind: 'firstLook', part: names['firstLook'] }
  if (typeof topic !== 'string' || !isCount(partition)) return undefined
  const source = { topic, partition }
  if (history === true) return { kind: 'history', source }
  if (offsets === true) return { kind: 'offsets', source }
  if (missing === true) return { kind: 'missing', source }
  // A key with further fields belongs to a record of a later build.
  return Object.keys(names).length === 2 ? { kind: 'position', source } : undefined
}

function toEntry (key: ProgressKey, fields: Fields): ProgressEntry | undefined {
  switch (key.kind) {
    case 'producer': {
      const producer = toProducer(fields)
      return producer === undefined ? undefined : { kind: 'producer', producer }
    }
    case 'firstLook': {
      const topics = toFirstLook(fields)
      return topics === undefined ? undefined : { ...key, topics }
    }
    case 'history': {
      const history = toHistory(fields)
      return history === undefined ? undefined : { ...key, history }
    }
    case 'offsets': {
      const offsets = toOffsetMap(fields, toPoint(fields['at']))
      return offsets === undefined ? undefined : { ...key, offsets }
    }
    case 'missing': {
      const { sinceMs } = fields
      return isCount(sinceMs) ? { ...key, sinceMs } : undefined
    }
    case 'position': {
      const progress = toPosition(fields)
      const producerId = toBigInt(fields['producerId'], /^(\d{1,19}|-1)$/)
      return progress === undefined || producerId === undefined
        ? undefined
        : { ...key, progress, producerId }
    }
  }
}

function toProducer (fields: Fields): FlowProducer | undefined {
  const producerId = toBigInt(fields['producerId'], /^(\d{1,19}|-1)$/)
  const { keepsNames, carried, producerEpoch, replacesClusterId, sourceClusterId } = fields
  if (producerId === undefined || !isCount(producerEpoch)) return undefined
  return {
    producerId,
    producerEpoch,
    ...(typeof sourceClusterId === 'string' ? { sourceClusterId } : {}),
    ...(typeof replacesClusterId === 'string' ? { replacesClusterId } : {}),
    ...(typeof keepsNames === 'boolean' ? { keepsNames } : {}),
    ...(Array.isArray(carried)
      ? { carried: carried.filter((id): id is string => typeof id === 'string') }
      : {})
  }
}

function toFirstLook (fields: Fields): ReadonlyMap<string, number> | undefined {
  const { topics } = fields
  if (typeof topics !== 'object' || topics === null) return undefined
  const counts = Object.entries(topics).map(([topic, count]): [string, unknown] => [topic, count])
  return counts.every((entry): entry is [string, number] => isCount(entry[1]))
    ? new Map(counts)
    : undefined
}

function toPosition (fields: Fields): Progress | undefined {
  const point = toPoint([fields['upstream'], fields['downstream'], fields['sequence']])
  if (point === undefined) return undefined
  const topicIds = toTopicIds(fields['sourceTopicId'], fields['targetTopicId'])
  const { era } = fields
  return {
    ...point,
    ...toLeaderEpochs(fields),
    ...(isCount(era) ? { era } : {}),
    ...(topicIds === undefined ? {} : { topicIds }),
    ...(Array.isArray(fields['history']) ? { history: toPoints(fields['history']) } : {})
  }
}

function toHistory (fields: Fields): HistoryOnRecord | undefined {
  const { epochs, era, points } = fields
  if (!isCount(era) || !Array.isArray(points) || !Array.isArray(epochs)) return undefined
  const ends = toEpochEnds(epochs)
  return ends === undefined ? undefined : { era, points: toPoints(points), epochs: ends }
}

/** Version 1 kept both in one record; neither is useful without the other. */
function toLeaderEpochs (fields: Fields): Pick<Progress, 'leaderEpoch' | 'earlierEpochs'> {
  const { earlierEpochs, leaderEpoch, version } = fields
  if (!isCount(leaderEpoch)) return {}
  if (version !== 1) return { leaderEpoch }
  const ends = Array.isArray(earlierEpochs) ? toEpochEnds(earlierEpochs) : undefined
  return ends === undefined ? {} : { leaderEpoch, earlierEpochs: ends }
}

/** Undefined if one of them is unreadable: half a list would lead to the wrong offset. */
function toEpochEnds (pairs: readonly unknown[]): readonly EpochEnd[] | undefined {
  const ends = pairs.flatMap(pair => toEpochEnd(pair) ?? [])
  return ends.length === pairs.length ? ends : undefined
}

function toEpochEnd (pair: unknown): EpochEnd | undefined {
  if (!Array.isArray(pair)) return undefined
  const epoch: unknown = pair[0]
  const end = toBigInt(pair[1])
  if (end === undefined || (epoch !== -1 && !isCount(epoch))) return undefined
  return { epoch, end }
}

function toPoints (points: readonly unknown[]): readonly ProgressPoint[] {
  return points.flatMap(point => toPoint(point) ?? [])
}

function toPoint (fields: unknown): ProgressPoint | undefined {
  if (!Array.isArray(fields)) return undefined
  const upstream = toBigInt(fields[0])
  const downstream = toBigInt(fields[1])
  const sequence: unknown = fields[2]
  return upstream === undefined || downstream === undefined || !isCount(sequence)
    ? undefined
    : { upstream, downstream, sequence }
}

function toTopicIds (source: unknown, target: unknown): TopicIds | undefined {
  const ids = {
    ...(typeof source === 'string' ? { source } : {}),
    ...(typeof target === 'string' ? { target } : {})
  }
  return Object.keys(ids).length === 0 ? undefined : ids
}

function positionKey ({ partition, topic }: TopicPartition): Buffer {
  return toJson({ topic, partition })
}

function historyKey ({ partition, topic }: TopicPartition): Buffer {
  return toJson({ topic, partition, history: true })
}

function offsetMapKey ({ partition, topic }: TopicPartition): Buffer {
  return toJson({ topic, partition, offsets: true })
}

function missingKey ({ partition, topic }: TopicPartition): Buffer {
  return toJson({ topic, partition, missing: true })
}

export type Fields = Readonly<Record<string, unknown>>

/** The encoding of keys and values in the progress topic. */
export function toJson (value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}

/** Undefined: not a JSON object. */
export function fromJson (bytes: Buffer | null): Fields | undefined {
  if (bytes === null) return undefined
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? parsed as Fields
      : undefined
  } catch {
    return undefined
  }
}

function toBigInt (text: unknown, pattern = /^\d{1,19}$/): bigint | undefined {
  return typeof text === 'string' && pattern.test(text) ? BigInt(text) : undefined
}

function isCount (number: unknown): number is number {
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0
}
