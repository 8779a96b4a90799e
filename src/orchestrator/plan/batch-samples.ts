// Samples batches of topics of a source: a few at the beginning, in the middle and at the end of
// some of their partitions. Bounded, however many topics there are; reads the logs, changes
// nothing.
import { chunks } from '../cluster/chunks.ts'
import type { ClusterAdmin, ListedOffset } from '../cluster/cluster-admin.ts'
import type { SampledBatch, SampledPartition } from '../cluster/cluster-samples.ts'
import { listLogs } from '../cluster/offsets.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'

export interface SampledTopic {
  readonly topic: string
  readonly partitions: number
  /** max.message.bytes of its remote topic; 0: unknown. */
  readonly batchBytesMax: number
  readonly keepsProducerTimestamps: boolean
}

export interface TopicSample {
  readonly batches: readonly SampledBatch[]
  /** Whether any of the sampled partitions has offsets. */
  readonly hasRecords: boolean
  /** The first refusal. */
  readonly problem: string | undefined
}

/** Three hundred requests at most; the topics after them are not sampled. */
export const sampledTopicsMax = 500
/** The bounds for each place: a few batches of usual size. */
const batchesMax = 4
const bytesMax = 16 * 1024
/** An answer has at most a megabyte, or one batch that is larger. */
const partitionsPerRequest = 64

interface Place extends SampledPartition {
  readonly node: number
}

interface Gathered {
  /** By partition and offset: a short log has the same batch at its beginning and its end. */
  readonly batches: Map<string, SampledBatch>
  hasRecords: boolean
  problem: string | undefined
}

type Samples = ReadonlyMap<string, Gathered>

/** By topic. A leader that does not answer is a problem of its topics, and rejects nothing. */
export async function sampleTopics (
  source: ClusterAdmin, topics: readonly SampledTopic[], signal: AbortSignal
): Promise<ReadonlyMap<string, TopicSample>> {
  const some = topics.slice(0, sampledTopicsMax)
  const samples = new Map(some.map(({ topic }): [string, Gathered] =>
    [topic, { batches: new Map(), hasRecords: false, problem: undefined }]))
  const byNode = new Map<number, Place[]>()
  for (const place of some.length === 0 ? [] : await placesOf(source, some, samples)) {
    byNode.set(place.node, [...byNode.get(place.node) ?? [], place])
  }
  await Promise.all([...byNode].map(async ([node, places]) => {
    for (const request of requestsFor(places)) {
      signal.throwIfAborted()
      const cut = await sampleOnce(source, node, request, samples)
      // A batch that exceeds the limit comes whole only if its partition is the first.
      for (const place of request.length > 1 ? cut : []) {
        signal.throwIfAborted()
        await sampleOnce(source, node, [place], samples)
      }
    }
  }))
  return new Map([...samples].map(([topic, { batches, ...sample }]) =>
    [topic, { ...sample, batches: [...batches.values()] }]))
}

async function placesOf (
  source: ClusterAdmin, topics: readonly SampledTopic[], samples: Samples
): Promise<readonly Place[]> {
  const looked = topics.flatMap(each => chosenPartitions(each.partitions)
    .map(partition => ({ ...each, partition })))
  const [described, logs] = await Promise.all([
    source.describeTopics(topics.map(({ topic }) => topic)), listLogs(source, looked)
  ])
  const leaders = new Map(described.flatMap(({ name, partitions }) =>
    partitions.map(({ leader, partition }) => [`${name}/${partition}`, leader] as const)))
  return looked.flatMap((each, i) => {
    const { batchBytesMax, keepsProducerTimestamps, partition, topic } = each
    const sample = samples.get(topic)
    const { end, start } = logs[i] ?? {}
    const offsets = chosenOffsets(start, end)
    const node = leaders.get(`${topic}/${partition}`) ?? -1
    if (sample === undefined) return []
    sample.problem ??= (start?.error ?? end?.error)?.message
    if (node < 0) sample.problem ??= `${topic}-${partition} has no leader`
    if (offsets.length > 0) sample.hasRecords = true
    return node < 0
      ? []
      : offsets.map(offset =>
        ({ node, topic, partition, offset, batchBytesMax, keepsProducerTimestamps }))
  })
}

/** The first, the middle and the last. */
function chosenPartitions (count: number): readonly number[] {
  return [...new Set([0, Math.floor(count / 2), count - 1])].filter(each => each >= 0)
}

/** In a log of one batch all of them are in the same batch. */
function chosenOffsets (
  start: ListedOffset | undefined, end: ListedOffset | undefined
): readonly bigint[] {
  if (start === undefined || end === undefined) return []
  if (start.error !== undefined || end.error !== undefined || start.offset >= end.offset) return []
  return [...new Set([start.offset, (start.offset + end.offset) / 2n, end.offset - 1n])]
}

/** A request holds each partition once, and partitions of a topic beside each other. */
function requestsFor (places: readonly Place[]): readonly Place[][] {
  const rounds = new Map<number, Place[]>()
  const seen = new Map<string, number>()
  for (const place of places) {
    const key = `${place.topic}/${place.partition}`
    const round = seen.get(key) ?? 0
    seen.set(key, round + 1)
    rounds.set(round, [...rounds.get(round) ?? [], place])
  }
  return [...rounds.values()].flatMap(round => chunks(round, partitionsPerRequest))
}

/** Returns the places of which the answer has no batch. */
async function sampleOnce (
  source: ClusterAdmin, node: number, places: readonly Place[], samples: Samples
): Promise<readonly Place[]> {
  try {
    const { partitions } = await source.sampleBatches(
      { node, bytesMax, batchesMax, partitions: places.map(withoutNode) })
    return places.filter(place => {
      const found = partitions.find(({ partition, topic }) =>
        topic === place.topic && partition === place.partition)
      const sample = samples.get(place.topic)
      if (sample === undefined) return false
      if (found?.error !== undefined) sample.problem ??= found.error.message
      for (const batch of found?.batches ?? []) {
        sample.batches.set(`${place.partition}/${batch.baseOffset}`, batch)
      }
      return found?.error === undefined && (found?.batches.length ?? 0) === 0
    })
  } catch (thrown) {
    const { message } = ReplicatorError.from(thrown)
    for (const { topic } of places) {
      const sample = samples.get(topic)
      if (sample !== undefined) sample.problem ??= message
    }
    return []
  }
}

function withoutNode ({ node: _node, ...partition }: Place): SampledPartition { return partition }
