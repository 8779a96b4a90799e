// node-rdkafka's callbacks as promises with bounds. Main thread only.
import type { Client, KafkaConsumer, LibrdKafkaError } from 'node-rdkafka'

// Its events differ between producer and consumer; what is called here does not.
type AnyClient = Pick<Client<string>, 'connect' | 'disconnect' | 'isConnected'>

const disconnectMsMax = 5_000

export async function connect (client: AnyClient, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // All topics would be described otherwise, by the megabyte on a large cluster.
    client.connect({ timeout: timeoutMs, allTopics: false }, (error: LibrdKafkaError | null) => {
      if (error === null || error === undefined) resolve()
      else reject(toError(error))
    })
  })
}

/** Never rejects: a client that does not let go in time is left to the end of the process. */
export async function disconnect (client: AnyClient): Promise<void> {
  if (!client.isConnected()) return
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, disconnectMsMax)
    client.disconnect(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/**
 * One poll: serves callbacks, emits 'data' and 'partition.eof' for up to `recordsMax` records, and
 * waits no longer than the consumer's consume timeout. Never consume() without a count: its thread
 * and handle outlive the client, and a record or an error that is still under way then is delivered
 * to freed memory, which ends the process (node-rdkafka issue 1057).
 */
export async function poll (consumer: KafkaConsumer, recordsMax: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    consumer.consume(recordsMax, (error: LibrdKafkaError | null) => {
      if (error === null || error === undefined) resolve()
      else reject(toError(error))
    })
  })
}

/** node-rdkafka hands out plain objects in places. */
export function toError (thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  const message = typeof thrown === 'object' && thrown !== null && 'message' in thrown
    ? String(thrown.message)
    : String(thrown)
  return new Error(message)
}
