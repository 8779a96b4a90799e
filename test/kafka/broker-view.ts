// What one broker alone knows of a topic. A client asks the broker that it is connected to, and a
// new topic may still be unknown there.

import {
  compactString, int32, int64, noTags, requestRaw, string, type BrokerAddress
} from './raw-request.ts'
import { ResponseReader } from './raw-response.ts'

const metadataApi = { key: 3, version: 11 } // the newest of Kafka 2.8
const listOffsetsApi = { key: 2, version: 1 }
const noId = Buffer.alloc(16)
const timestampOf = { start: int64(-2n), end: int64(-1n) }

export interface PartitionView {
  readonly partition: number
  /** Broker id, or -1. */
  readonly leader: number
}

export interface TopicView {
  readonly topic: string
  readonly id: string
  readonly partitions: readonly PartitionView[]
}

/** Undefined for a topic that the broker does not know. */
export async function topicOn (
  broker: BrokerAddress, topic: string
): Promise<TopicView | undefined> {
  const [view] = await topicsOn(broker, [topic])
  return view
}

/** The requested topics that the broker knows; all of its topics if none is requested. */
export async function topicsOn (
  broker: BrokerAddress, topics?: readonly string[]
): Promise<readonly TopicView[]> {
  const names = topics?.map(topic => Buffer.concat([noId, compactString(topic), noTags]))
  const count = Buffer.from([names === undefined ? 0 : names.length + 1])
  const [mayCreate, listOperations] = [Buffer.from([0]), Buffer.from([0])]
  const reader = new ResponseReader(await requestRaw(broker, metadataApi,
    Buffer.concat([noTags, count, ...names ?? [], mayCreate, listOperations, noTags])))
  reader.tags()
  reader.int32() // throttle time
  reader.compactArray(() => { // brokers
    reader.int32()
    reader.compactString()
    reader.int32()
    reader.compactString()
    reader.tags()
  })
  reader.compactString() // cluster id
  reader.int32() // controller
  return reader.compactArray(() => readTopic(reader))
    .filter(({ error }) => error === 0)
}

function readTopic (reader: ResponseReader): TopicView & { readonly error: number } {
  const error = reader.int16()
  const topic = reader.compactString()
  const id = reader.uuid()
  reader.bool() // internal
  const partitions = reader.compactArray((): PartitionView => {
    reader.int16() // error: a leader of -1 shows it, too
    const [partition, leader] = [reader.int32(), reader.int32()]
    reader.int32() // leader epoch
    // Replicas: all, those in sync, those whose broker does not answer.
    for (let list = 0; list < 3; list++) reader.compactArray(() => reader.int32())
    reader.tags()
    return { partition, leader }
  })
  reader.int32() // operations
  reader.tags()
  return { error, topic, id, partitions }
}

/** Offsets by partition, of those partitions that the broker leads and serves. */
export async function offsetsOn (
  broker: BrokerAddress, topic: string, partitions: readonly number[], at: 'start' | 'end'
): Promise<ReadonlyMap<number, number>> {
  const consumer = int32(-1) // not a replica: the end is the high watermark
  const reader = new ResponseReader(await requestRaw(broker, listOffsetsApi, Buffer.concat([
    consumer, int32(1), string(topic), int32(partitions.length),
    ...partitions.flatMap(partition => [int32(partition), timestampOf[at]])])))
  const [answers = []] = reader.array(() => {
    reader.string() // topic
    return reader.array(() => {
      const [partition, error] = [reader.int32(), reader.int16()]
      reader.int64() // timestamp
      return { partition, error, offset: Number(reader.int64()) }
    })
  })
  return new Map(answers.filter(({ error }) => error === 0)
    .map(({ offset, partition }) => [partition, offset]))
}
