// The producers of a bench: whole batches as Produce requests with acks=all. Each connection has
// `requestsAtOnce` senders; a sender sends the batches that are due and waits for their
// acknowledgement, so the number of batches in flight is bounded. No batch is sent twice: a failed
// one is counted.
import { requestsAtOnce, type RequestClient } from '../cluster/native-request-client.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { stampBatch, type BatchTemplate } from './batch-template.ts'
import type { BenchClock } from './bench-clock.ts'
import type { BenchCounts } from './bench-counts.ts'
import { Schedule, type DueBatch } from './load-plan.ts'
import type { TopicLeaders } from './topic-leaders.ts'
import { encodeProduce, parseProduce, produceApi } from './produce-request.ts'

export interface LoadOptions {
  readonly clients: readonly RequestClient[]
  readonly topic: string
  readonly leaders: TopicLeaders
  readonly templates: readonly BatchTemplate[]
  readonly intervalMs: number
  readonly clock: BenchClock
  readonly counts: BenchCounts
  readonly stopped: AbortSignal
}

export interface LoadLimits {
  readonly startMs: number
  readonly records: number
  readonly endMs: number
}

/** max.request.size of Java's producer. */
const requestBytesMax = 1024 * 1024
/** After so many failures in a row the source is not usable. */
const failuresMax = 20

export class Load {
  readonly #options: LoadOptions
  readonly #batchesMax: number
  #next = 0
  #left = 0
  #acked = 0
  #failures = 0

  constructor (options: LoadOptions) {
    this.#options = options
    const [template] = options.templates
    this.#batchesMax = Math.max(1, Math.floor(requestBytesMax / (template?.bytes.length ?? 1)))
  }

  /** Records that the source has acknowledged, from the first run on. */
  get acked (): number { return this.#acked }

  /** Sends until a limit is reached; resolves when the last batch is acknowledged. */
  async run (limits: LoadLimits): Promise<void> {
    const { clients, intervalMs, leaders, templates } = this.#options
    // The first record of each batch is created after the start.
    const startMs = limits.startMs + (templates[0]?.spanMs ?? 0)
    const schedule = new Schedule(leaders.partitions, intervalMs, startMs)
    this.#left = limits.records
    await Promise.all(clients.flatMap(client => Array.from({ length: requestsAtOnce },
      async () => { await this.#send(client, schedule, limits) })))
  }

  async #send (
    client: RequestClient, schedule: Schedule, { endMs }: LoadLimits
  ): Promise<void> {
    const { clock, leaders, stopped } = this.#options
    while (this.#left > 0 && !stopped.aborted) {
      const firstMs = schedule.firstMs()
      const nowMs = clock.now()
      if (Math.max(nowMs, firstMs) > endMs) return
      if (firstMs > nowMs) {
        await clock.sleepUntil(firstMs, stopped)
        continue
      }
      const node = leaders.leaderOf(schedule.first())
      const due = schedule.take(leaders.partitionsOf(node), this.#batchesMax, nowMs)
      await this.#sendBatches(node, client, due)
    }
  }

  async #sendBatches (
    node: number, client: RequestClient, due: readonly DueBatch[]
  ): Promise<void> {
    const { clock, counts, topic } = this.#options
    const sent = due.flatMap(batch => this.#left > 0 ? [this.#create(batch)] : [])
    const sentMs = clock.now()
    const body = encodeProduce(topic, sent)
    let refused: ReadonlyMap<number, ReplicatorError>
    try {
      refused = parseProduce(topic, await client.send({ node, ...produceApi, body }))
    } catch (thrown) {
      const error = ReplicatorError.from(thrown)
      refused = new Map(sent.map(({ partition }) => [partition, error]))
    }
    const ackedMs = clock.now()
    for (const { baseMs, dueMs, partition, records, valueBytes } of sent) {
      if (refused.has(partition)) counts.publishErrors += records
      else this.#acked += records
      if (refused.has(partition) || baseMs < counts.countFromMs) continue
      counts.published += records
      counts.publishedBytes += valueBytes
      counts.publishLatency.add(ackedMs - sentMs, records)
      counts.publishDelay.add(sentMs - dueMs, records)
    }
    const [error] = refused.values()
    if (error === undefined) this.#failures = 0
    else await this.#fail(error)
  }

  #create ({ dueMs, partition }: DueBatch): {
    partition: number, batch: Buffer, records: number, valueBytes: number, baseMs: number,
    dueMs: number
  } {
    const { templates } = this.#options
    const template = templates[this.#next++ % templates.length]
    if (template === undefined) throw new ReplicatorError('INTERNAL', 'a load without batches')
    const { records, spanMs, valueBytes } = template
    this.#left -= records
    const baseMs = Math.floor(dueMs) - spanMs
    return { partition, batch: stampBatch(template, baseMs), records, valueBytes, baseMs, dueMs }
  }

  /** Leaders may have moved: they are looked up again, and the load continues. */
  async #fail (error: ReplicatorError): Promise<void> {
    const { leaders, stopped } = this.#options
    if (stopped.aborted) return
    if (++this.#failures > failuresMax) throw error
    await leaders.refresh()
  }
}
