// One tuning from its first step to its last: measures the line, writes a load once, and mirrors it
// with one choice of settings after another, each by a mirror of its own. Deletes all topics of the
// tuning at its end.
import type { BatchSpec } from '../bench/batch-template.ts'
import { buildBatchPool } from '../bench/batch-pool.ts'
import { recordsOfBatch } from '../bench/batch-template.ts'
import { BenchClock } from '../bench/bench-clock.ts'
import { BenchCounts } from '../bench/bench-counts.ts'
import { createBenchTopics, deleteBenchTopics } from '../bench/bench-topics.ts'
import { percentileMs } from '../bench/latency-record.ts'
import { Load } from '../bench/load.ts'
import {
  renderMirrorFile, targetAlias, type BenchNames, type UserFlow
} from '../bench/mirror-file.ts'
import { MirrorProcess } from '../bench/mirror-process.ts'
import { TopicLeaders } from '../bench/topic-leaders.ts'
import type { ClusterAdmin, WantedOffset } from '../cluster/cluster-admin.ts'
import { openClusterAdmin } from '../cluster/native-cluster-admin.ts'
import { RequestClient } from '../cluster/native-request-client.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { formatBytes } from '../observability/format.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import type { Clock } from '../time/clock.ts'
import {
  measureBatchBytes, measureConnection, measureRoundTripMs, type ConnectionRate, type SampledTopic
} from './line-measure.ts'
import { sweep, type Choice, type SweepResult } from './sweep.ts'
import { dimensions, type TuneSettings } from './tune-table.ts'

export interface TuneRunOptions {
  readonly settings: TuneSettings
  readonly names: BenchNames
  readonly user: UserFlow
  /** The flow of the user's file, whose values the sweep begins with. */
  readonly flow: FlowConfig
  /** The flow of the mirrors that are measured: the same clusters under other aliases. */
  readonly benchFlow: FlowConfig
  readonly wrapper: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly stopped: AbortSignal
  readonly onStep: (step: string) => void
  readonly onLeft: (topics: readonly string[]) => void
}

export interface TuneResult {
  readonly sourceMs: number
  readonly targetMs: number
  readonly connection: ConnectionRate
  /** Undefined: no topic of the flow holds records. */
  readonly batchBytes: number | undefined
  /** The median of Produce requests with acks=all to the target, without the round trip. */
  readonly commitMs: number
  readonly sweep: SweepResult
  /** How long the shortest step measured; below a second its throughput is not reliable. */
  readonly shortestSeconds: number
}

const adminTimeoutMs = 30_000
const startMsMax = 60_000
const pollMs = 20
const sampledTopicsMax = 20
const batchBytesDefault = 128 * 1024
const batchBytesMax = 900 * 1024
const recordSize = 1_000
const commitBatches = 20
const rateBytesMax = 8 * 1024 * 1024
/** Of the records that a step mirrors before it is measured: connections are opened meanwhile. */
const warmShare = 0.2

/** Undefined if it was stopped. */
export async function runTune (options: TuneRunOptions): Promise<TuneResult | undefined> {
  const { benchFlow, names, onLeft, onStep } = options
  const source = openClusterAdmin({ ...benchFlow.source.admin, timeoutMs: adminTimeoutMs })
  const target = openClusterAdmin({ ...benchFlow.target.admin, timeoutMs: adminTimeoutMs })
  try {
    return await new Tuning(options, source, target).run()
  } finally {
    onStep('deleting the topics of the tuning')
    const left = await deleteBenchTopics({ source, target }, names)
    if (left.length > 0) onLeft(left)
    await Promise.all([source.close(), target.close()])
  }
}

class Tuning {
  readonly #options: TuneRunOptions
  readonly #source: ClusterAdmin
  readonly #target: ClusterAdmin
  readonly #clock: BenchClock
  readonly #existing = new Set<string>()
  #shortestSeconds = Infinity
  #steps = 0
  #bytesARecord = recordSize

  constructor (options: TuneRunOptions, source: ClusterAdmin, target: ClusterAdmin) {
    this.#options = options
    this.#source = source
    this.#target = target
    this.#clock = new BenchClock(options.clock)
  }

  async run (): Promise<TuneResult | undefined> {
    const { benchFlow, flow, names, onStep, settings, stopped } = this.#options
    onStep('measuring round trips and the batches of the topics')
    const sourceMs = await this.#roundTripMs(this.#source)
    const targetMs = await this.#roundTripMs(this.#target)
    const batchBytes = await measureBatchBytes(this.#source, await this.#sampledTopics())
    const spec = this.#specOf(batchBytes)
    const records = Math.max(spec.records, Math.floor(settings.maxBytes / recordSize))
    onStep(`writing ${formatBytes(records * recordSize)} to ${names.topic}`)
    const leaders = await this.#write(this.#source, benchFlow.source, names.topic,
      settings.partitions, spec, records)
    if (stopped.aborted) return undefined
    onStep('measuring one connection, and the time to commit on the target')
    const connection = await measureConnection(this.#source, {
      topic: names.topic, partition: 0, node: leaders.leaderOf(0), offset: 0n
    }, sourceMs, Math.min(rateBytesMax, settings.maxBytes))
    const commitMs = Math.max(0, await this.#commitMs(spec) - targetMs)
    const start = Object.fromEntries(dimensions.map(({ setting }) =>
      [setting, flow.settings[setting]])) as Choice
    const stepMs = settings.maxSeconds * 1000 / stepsMax
    const swept = await sweep(dimensions, start, async choice => {
      const bytesPerSecond = await this.#measure(choice, records, stepMs)
      if (bytesPerSecond === undefined || stopped.aborted) return undefined
      onStep(`${describeChoice(choice)}: ${(bytesPerSecond / 1e6).toFixed(1)} MB/s`)
      return bytesPerSecond
    })
    return swept && {
      sourceMs, targetMs, connection, batchBytes, commitMs, sweep: swept,
      shortestSeconds: this.#shortestSeconds
    }
  }

  async #roundTripMs (admin: ClusterAdmin): Promise<number> {
    const { brokers } = await admin.describeCluster()
    const [broker] = brokers
    if (broker === undefined) throw new ReplicatorError('CLUSTER_UNREACHABLE', admin.cluster)
    return await measureRoundTripMs(admin, broker.id, this.#options.clock)
  }

  /** The first partition of some topics that the user's flow mirrors. */
  async #sampledTopics (): Promise<readonly SampledTopic[]> {
    const { flow } = this.#options
    const listed = await this.#source.listTopics()
    const mirrored = listed.map(({ name }) => name)
      .filter(name => judgeTopic(flow.topics, name) === 'mirrored').slice(0, sampledTopicsMax)
    if (mirrored.length === 0) return []
    const described = await this.#source.describeTopics(mirrored)
    const starts = await this.#source.listOffsets(mirrored.map((topic): WantedOffset =>
      ({ topic, partition: 0, at: 'earliest' })), 'read_uncommitted')
    return described.flatMap(({ name, partitions }, i) => {
      const node = partitions.find(({ partition }) => partition === 0)?.leader ?? -1
      const offset = starts[i]?.offset ?? -1n
      return node < 0 || offset < 0n ? [] : [{ topic: name, partition: 0, node, offset }]
    })
  }

  /** Batches of the size of the topics' batches. */
  #specOf (batchBytes: number | undefined): BatchSpec {
    const size = Math.min(batchBytes ?? batchBytesDefault, batchBytesMax)
    const records = recordsOfBatch(size, recordSize)
    return { records, recordSize, randomPercent: 100, codec: 'none', spanMs: 0 }
  }

  async #write (
    admin: ClusterAdmin, end: FlowConfig['source'], topic: string, partitions: number,
    spec: BatchSpec, records: number, counts = new BenchCounts()
  ): Promise<TopicLeaders> {
    const { clock, names, stopped } = this.#options
    await createBenchTopics({ source: admin }, { ...names, topic }, partitions, '', undefined)
    const leaders = new TopicLeaders(admin, topic, partitions, clock, stopped)
    await leaders.refresh()
    const templates = await buildBatchPool(spec, 1)
    const [template] = templates
    this.#bytesARecord = (template?.bytes.length ?? recordSize) / spec.records
    const client = new RequestClient(end.admin, 'longhaul-tune')
    try {
      const load = new Load({
        clients: [client], topic, leaders, templates, intervalMs: 0, clock: this.#clock, counts,
        stopped
      })
      while (load.acked < records && !stopped.aborted) {
        await load.run({ startMs: 0, records: records - load.acked, endMs: Infinity })
      }
    } finally {
      await client.close()
    }
    return leaders
  }

  /** One batch after another to a topic of one partition on the target. */
  async #commitMs (spec: BatchSpec): Promise<number> {
    const { benchFlow, names } = this.#options
    const counts = new BenchCounts()
    counts.countFromMs = 0
    const topic = `${names.alias}-commit`
    await this.#write(this.#target, benchFlow.target, topic, 1, { ...spec, records: 1 },
      commitBatches, counts)
    return percentileMs(counts.publishLatency.total, 50)
  }

  /**
   * Bytes a second that a mirror with these settings mirrors, without its beginning; undefined if
   * the tuning was stopped.
   */
  async #measure (choice: Choice, records: number, stepMs: number): Promise<number | undefined> {
    const { clock, environment, names, settings, stopped, user, wrapper } = this.#options
    const own = { ...names, alias: `${names.alias}-${++this.#steps}` }
    const remote = `${own.alias}.${names.topic}`
    const args = Object.entries(choice).flatMap(([setting, value]) =>
      ['-X', `${own.alias}->${targetAlias}.${setting}=${value}`])
    const file = renderMirrorFile(own, {}, user)
    const process = new MirrorProcess({ file, args, wrapper, environment, clock })
    try {
      const deadline = clock.monotonic() + startMsMax
      const warm = records * warmShare
      let first: { readonly atMs: number, readonly count: number } | undefined
      while (!stopped.aborted) {
        process.mustRun()
        const count = await this.#countOn(remote, settings.partitions)
        const atMs = clock.monotonic()
        if (first === undefined && count >= warm) first = { atMs, count }
        if (first !== undefined && (count >= records || atMs - first.atMs > stepMs)) {
          const seconds = Math.max(atMs - first.atMs, 1) / 1000
          this.#shortestSeconds = Math.min(this.#shortestSeconds, seconds)
          return (count - first.count) * this.#bytesARecord / seconds
        }
        // The line was too slow to carry even the warm share: all that arrived is the figure.
        if (first === undefined && atMs > deadline) {
          return count * this.#bytesARecord / startMsMax * 1000
        }
        await clock.sleep(pollMs, stopped).catch(() => {})
      }
      return undefined
    } finally {
      await process.stop()
      await deleteBenchTopics({ source: this.#target, target: this.#target }, own)
    }
  }

  /**
   * 0 while the topic has no leaders. Before that no offsets are requested, because the client
   * remembers for long that a topic has no leader.
   */
  async #countOn (topic: string, partitions: number): Promise<number> {
    if (!this.#existing.has(topic)) {
      const [described] = await this.#target.describeTopics([topic])
      const led = described?.partitions.filter(({ leader }) => leader >= 0) ?? []
      if (led.length < partitions) return 0
      this.#existing.add(topic)
    }
    const wanted = Array.from({ length: partitions }, (_, partition): WantedOffset =>
      ({ topic, partition, at: 'latest' }))
    const offsets = await this.#target.listOffsets(wanted, 'read_uncommitted')
    return offsets.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
  }
}

/** One for each value, and the start. */
const stepsMax = 1 + dimensions.reduce((sum, { values }) => sum + values.length, 0)

export function describeChoice (choice: Choice): string {
  return Object.entries(choice).map(([setting, value]) => `${setting}=${value}`).join(', ')
}
