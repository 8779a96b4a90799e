// Reads every record of the remote topics with an ordinary consumer that verifies checksums, and
// passes them to the check.
import rdkafka, {
  type ConsumerGlobalConfig, type KafkaConsumer, type Message as ClientRecord
} from 'node-rdkafka'
import type { ClientProperties } from '../orchestrator/config/client-properties.ts'
import { ReplicatorError } from '../orchestrator/errors/replicator-error.ts'
import { clientError, connect, disconnect } from '../orchestrator/cluster/kafka-client.ts'
import type { Clock } from '../orchestrator/time/clock.ts'
import type { DemoRecords } from './demo-record.ts'
import type { WrittenPartition } from './demo-topics.ts'
import { PartitionCheck, type Differences, type FoundRecord } from './record-check.ts'

export interface ReadOptions {
  /** librdkafka's properties of the target cluster. */
  readonly client: ClientProperties
  readonly written: readonly WrittenPartition[]
  readonly records: DemoRecords
  readonly differences: Differences
  readonly clock: Clock
  readonly stopped: AbortSignal
  /** The reading ends if no record arrives for this long. */
  readonly patienceMs: number
}

const recordsPerPoll = 5_000
const pollWaitMs = 100

/** Returns the number of checked records, up to the end of every partition. */
export async function checkRecords (options: ReadOptions): Promise<number> {
  const consumer = new rdkafka.KafkaConsumer(
    consumerProperties(options.client), { 'auto.offset.reset': 'earliest' })
  const failures: string[] = []
  consumer.on('event.error', error => { failures.push(clientError(error, 'reading').message) })
  try {
    await connect(consumer, options.patienceMs)
    return await readToEnd(consumer, options, failures)
  } finally {
    await disconnect(consumer)
  }
}

function consumerProperties (client: ClientProperties): ConsumerGlobalConfig {
  return {
    ...client,
    'client.id': 'demo-check',
    'group.id': 'longhaul-demo-check', // never joined: partitions are assigned by hand
    'enable.auto.commit': false,
    'enable.partition.eof': true,
    'check.crcs': true,
    'fetch.wait.max.ms': 50,
    'queued.max.messages.kbytes': 64 * 1024,
    // The client checks a full queue again after this time; by default it waits for a second.
    'fetch.queue.backoff.ms': 10
  }
}

async function readToEnd (
  consumer: KafkaConsumer, options: ReadOptions, failures: readonly string[]
): Promise<number> {
  const { clock, differences, patienceMs, records, stopped, written } = options
  const checks = new Map(written.map(partition => [
    nameOf(partition.topic.remoteName, partition.partition),
    new PartitionCheck(partition, records, differences)
  ]))
  // The client reports the end of a partition separately from records, and may report it earlier.
  const ended = new Set<string>()
  consumer.on('partition.eof', ({ topic, partition }) => { ended.add(nameOf(topic, partition)) })
  consumer.setDefaultConsumeTimeout(pollWaitMs)
  consumer.assign(written.map(({ topic, partition }) =>
    ({ topic: topic.remoteName, partition, offset: 0 })))
  let lastRecordMs = clock.monotonic()
  let polling = poll(consumer)
  for (;;) {
    const allEnded = ended.size === checks.size
    const found = await polling
    if (stopped.aborted || (allEnded && found.length === 0)) break
    polling = poll(consumer) // collects the next records while these are compared
    for (const record of found) {
      checks.get(nameOf(record.topic, record.partition))?.take(foundRecord(record))
    }
    if (found.length > 0) lastRecordMs = clock.monotonic()
    else if (clock.monotonic() - lastRecordMs > patienceMs) {
      await polling
      const [failure = 'no records came'] = failures
      throw new ReplicatorError('TIMED_OUT', `the check could not read the target: ${failure}`)
    }
  }
  // A reading that was stopped has not reached the ends.
  if (!stopped.aborted) for (const check of checks.values()) check.end()
  return [...checks.values()].reduce((sum, { checked }) => sum + checked, 0)
}

async function poll (consumer: KafkaConsumer): Promise<readonly ClientRecord[]> {
  return await new Promise((resolve, reject) => {
    consumer.consume(recordsPerPoll, (error, found) => {
      if (error === null || error === undefined) resolve(found)
      else reject(clientError(error, 'reading'))
    })
  })
}

function foundRecord (record: ClientRecord): FoundRecord {
  const { headers = [], key, offset, timestamp = -1, value } = record
  return {
    offset,
    timestampMs: timestamp,
    key: key === null || key === undefined ? null : key.toString(),
    value,
    headers: headers.flatMap(header => Object.entries(header).map(
      ([name, text]) => [name, text.toString()] as const))
  }
}

function nameOf (topic: string, partition: number): string {
  return `${topic}-${partition}`
}
