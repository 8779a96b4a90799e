// Warns of transactions on the source that stay open: consumers of committed records, such as the
// mirror, receive no records after the start of an open transaction, and no error says why.
import type { ActiveProducer, ClusterAdmin, PartitionProducers } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { partitionKey } from '../progress/progress.ts'
import type { PartitionLags } from './partition-lags.ts'
import type { FlowPartition } from './partition-table.ts'

export interface OpenTransactionsOptions {
  readonly source: Pick<ClusterAdmin, 'cluster' | 'describeProducers'>
  readonly lags: Pick<PartitionLags, 'lagOf' | 'openTransactionSince'>
  readonly log: Log
  readonly clock: Clock
}

/** Kafka's default of transaction.timeout.ms: until then the coordinator may still abort it. */
const openMsMin = 60_000
const namedAgainMs = 10 * 60_000
/** Lines a round. If a coordinator is unavailable, transactions stay open in every partition. */
const linesMax = 10

export class OpenTransactions {
  readonly #options: OpenTransactionsOptions
  /** When the log last named each partition with an open transaction, epoch ms. */
  #namedMs = new Map<string, number>()

  constructor (options: OpenTransactionsOptions) {
    this.#options = options
  }

  /** Never rejects: if the source does not answer, the line names no producer. */
  async look (partitions: Iterable<FlowPartition>): Promise<void> {
    const nowMs = this.#options.clock.now()
    const open = [...partitions].filter(partition => this.#openMs(partition, nowMs) >= openMsMin)
    const due = open.filter(partition =>
      nowMs - (this.#namedMs.get(partitionKey(partition)) ?? -Infinity) >= namedAgainMs)
    const named = due.slice(0, linesMax)
    this.#namedMs = new Map(open.flatMap(partition => {
      const namedMs = due.includes(partition) ? nowMs : this.#namedMs.get(partitionKey(partition))
      return namedMs === undefined ? [] : [[partitionKey(partition), namedMs] as const]
    }))
    if (named.length === 0) return
    const producers = await this.#producersOf(named)
    for (const [i, partition] of named.entries()) this.#say(partition, producers[i], nowMs)
    if (due.length > named.length) {
      this.#options.log.warn({}, `${due.length - named.length} partitions more wait for open ` +
        'transactions on the source')
    }
  }

  async #producersOf (
    partitions: readonly FlowPartition[]
  ): Promise<ReadonlyArray<Pick<PartitionProducers, 'producers' | 'error'> | undefined>> {
    try {
      // Names only: the native call would receive every other field of these objects.
      const names = partitions.map(({ partition, topic }) => ({ topic, partition }))
      const described = await this.#options.source.describeProducers(names)
      const byName = new Map(described.map(each => [partitionKey(each), each]))
      return partitions.map(partition => byName.get(partitionKey(partition)))
    } catch (thrown) {
      return partitions.map(() => ({ producers: [], error: ReplicatorError.from(thrown) }))
    }
  }

  #say (
    partition: FlowPartition, found: Pick<PartitionProducers, 'producers' | 'error'> | undefined,
    nowMs: number
  ): void {
    const { lags, log, source } = this.#options
    const name = `${partition.topic}-${partition.partition}`
    const seconds = Math.round(this.#openMs(partition, nowMs) / 1000)
    const records = lags.lagOf({ partition, row: undefined }).openTransactionRecords
    const producer = oldestOpen(found?.producers ?? [])
    log.warn({
      topic: partition.topic,
      partition: partition.partition,
      records,
      openSeconds: seconds,
      ...producer === undefined ? {} : fieldsOf(producer)
    }, `${name}: up to ${records} records on ${source.cluster} are behind a transaction that has ` +
      `been open for at least ${seconds} s, ${textOf(producer, found?.error)}. They are mirrored ` +
      'when it ends: end it with kafka-transactions.sh abort, or set ' +
      'isolation.level=read_uncommitted to mirror open and aborted transactions, too')
  }

  #openMs (partition: FlowPartition, nowMs: number): number {
    return nowMs - (this.#options.lags.openTransactionSince(partition) ?? nowMs)
  }
}

function oldestOpen (producers: readonly ActiveProducer[]): ActiveProducer | undefined {
  return producers.filter(({ transactionStart }) => transactionStart >= 0n).reduce<
    ActiveProducer | undefined
  >((oldest, each) =>
    oldest === undefined || each.transactionStart < oldest.transactionStart ? each : oldest,
    undefined)
}

function textOf (producer: ActiveProducer | undefined, error: ReplicatorError | undefined): string {
  if (producer !== undefined) {
    return `from offset ${producer.transactionStart} on, of producer id ${producer.producerId} ` +
      `(epoch ${producer.producerEpoch})`
  }
  return error === undefined
    ? 'of a producer that its leader does not name'
    : `of an unknown producer (${error.errorName}: ${error.detail})`
}

function fieldsOf ({ producerEpoch, producerId, transactionStart }: ActiveProducer): object {
  return {
    producerId: String(producerId), producerEpoch, transactionStart: String(transactionStart)
  }
}
