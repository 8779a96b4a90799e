// What a consumer group has committed, read by a client that does not join the group.
import rdkafka, { type LibrdKafkaError, type TopicPartitionOffset } from 'node-rdkafka'
import type { ClientProperties } from '../config/client-properties.ts'
import {
  clientError, connect, controlClientProperties, disconnect, isNone
} from './kafka-client.ts'

export interface NamedPartition {
  readonly topic: string
  readonly partition: number
}

export interface CommittedOffset extends NamedPartition {
  /** The next offset that the group reads. */
  readonly offset: bigint
}

/**
 * Of these partitions, those that the group has an offset of. Rejects with what the group's
 * coordinator answers: GROUP_AUTHORIZATION_FAILED needs DESCRIBE on the group.
 */
export async function committedOffsets (
  client: ClientProperties, group: string, partitions: readonly NamedPartition[], timeoutMs: number
): Promise<readonly CommittedOffset[]> {
  if (partitions.length === 0) return []
  const consumer = new rdkafka.KafkaConsumer({
    ...controlClientProperties(client), 'group.id': group, 'enable.auto.commit': false
  }, {})
  try {
    await connect(consumer, timeoutMs, client)
    const wanted = partitions.map(({ partition, topic }) => ({ topic, partition }))
    const found = await new Promise<readonly TopicPartitionOffset[]>((resolve, reject) => {
      consumer.committed(wanted, timeoutMs, (error: LibrdKafkaError, offsets) => {
        if (isNone(error)) resolve(offsets)
        else reject(clientError(error, `group ${group}`, `DESCRIBE on the group ${group}`))
      })
    })
    return found.flatMap(({ offset, partition, topic }) =>
      // librdkafka's -1001: the group has committed none.
      typeof offset === 'number' && offset >= 0
        ? [{ topic, partition, offset: BigInt(offset) }]
        : [])
  } finally {
    await disconnect(consumer)
  }
}
