// One tuning from its first step to its last: measures the line, writes a topic or reads a real
// one, and mirrors it with one choice of settings after another. Deletes all its topics at its end.
import { BenchClock } from '../bench/bench-clock.ts'
import { BenchCounts } from '../bench/bench-counts.ts'
import { deleteBenchTopics } from '../bench/bench-topics.ts'
import { percentileMs } from '../bench/latency-record.ts'
import type { BenchNames, UserFlow } from '../bench/mirror-file.ts'
import type { ClusterAdmin, WantedOffset } from '../cluster/cluster-admin.ts'
import { openClusterAdmin } from '../cluster/native-cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import type { Host } from '../doctor/check.ts'
import { brokerBuffer, hostBuffer } from '../doctor/socket-buffers.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { formatBytes } from '../observability/format.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import type { Clock } from '../time/clock.ts'
import {
  measureBatches, measureConnection, measureRoundTripMs, type BatchFigures, type ConnectionRate,
  type SampledTopic
} from './line-measure.ts'
import { explainSendBuffer } from './send-buffer.ts'
import { runStep } from './step-run.ts'
import { sweep, type SweepResult } from './sweep.ts'
import { dimensions, type Choice, type TuneSettings } from './tune-table.ts'
import { readTopic, specOf, writeTopic, type TunedTopic } from './tuned-topic.ts'

export interface TuneRunOptions {
  readonly settings: TuneSettings
  /** A topic of the source that is only read; undefined: the tuning writes one of its own. */
  readonly topic: string | undefined
  readonly names: BenchNames
  readonly user: UserFlow
  /** The flow of the user's file, whose values the sweep begins with. */
  readonly flow: FlowConfig
  /** The flow of the mirrors that are measured: the same clusters under other aliases. */
  readonly benchFlow: FlowConfig
  readonly host: Host
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
  readonly batches: BatchFigures | undefined
  /** The median of Produce requests with acks=all to the target, without the round trip. */
  readonly commitMs: number
  readonly sweep: SweepResult
  /** What bounds a connection, a sentence for a person. */
  readonly sendBuffer: string | undefined
  /** How long the shortest step measured; below a second its throughput is not reliable. */
  readonly shortestSeconds: number
  /** Steps that ended while their mirror was still becoming faster. */
  readonly risingSteps: number
}

const adminTimeoutMs = 30_000
const sampledTopicsMax = 20
const commitBatches = 20
const rateBytesMax = 8 * 1024 * 1024

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
  #shortestSeconds = Infinity
  #risingSteps = 0
  #steps = 0

  constructor (options: TuneRunOptions, source: ClusterAdmin, target: ClusterAdmin) {
    this.#options = options
    this.#source = source
    this.#target = target
    this.#clock = new BenchClock(options.clock)
  }

  async run (): Promise<TuneResult | undefined> {
    const { onStep, settings, stopped } = this.#options
    onStep('measuring round trips and the batches of the topics')
    const [sourceMs, targetMs] =
      [await this.#roundTripMs(this.#source), await this.#roundTripMs(this.#target)]
    const batches = await measureBatches(this.#source, await this.#sampledTopics())
    const topic = await this.#topic(batches)
    if (stopped.aborted) return undefined
    onStep('measuring one connection, and the time to commit on the target')
    const connection = await measureConnection(this.#source, topic.first, sourceMs,
      Math.min(rateBytesMax, settings.maxBytes))
    const commitMs = Math.max(0, await this.#commitMs(batches) - targetMs)
    const swept = await this.#sweep(topic)
    return swept && {
      sourceMs, targetMs, connection, batches, commitMs, sweep: swept,
      sendBuffer: await this.#explainSendBuffer(topic, sourceMs, connection, swept),
      shortestSeconds: this.#shortestSeconds,
      risingSteps: this.#risingSteps
    }
  }

  async #roundTripMs (admin: ClusterAdmin): Promise<number> {
    const { brokers } = await admin.describeCluster()
    const [broker] = brokers
    if (broker === undefined) throw new ReplicatorError('CLUSTER_UNREACHABLE', admin.cluster)
    return await measureRoundTripMs(admin, broker.id, this.#options.clock)
  }

  /** The first partition of the topic that is tuned, or of some topics that the flow mirrors. */
  async #sampledTopics (): Promise<readonly SampledTopic[]> {
    const { flow, topic } = this.#options
    const listed = topic === undefined ? await this.#source.listTopics() : [{ name: topic }]
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

  async #topic (batches: BatchFigures | undefined): Promise<TunedTopic> {
    const { benchFlow, clock, names, onStep, settings, stopped, topic } = this.#options
    const spec = specOf(batches)
    if (topic !== undefined) {
      onStep(`reading ${topic}, and writing nothing to the source`)
      return await readTopic(this.#source, topic, batches?.bytesARecord ?? spec.recordSize,
        settings.maxBytes)
    }
    onStep(`writing ${formatBytes(settings.maxBytes)} to ${names.topic}`)
    return await writeTopic({
      admin: this.#source, end: benchFlow.source, ...names, partitions: settings.partitions, spec,
      records: Math.floor(settings.maxBytes / spec.recordSize), clock, benchClock: this.#clock,
      stopped
    })
  }

  /** One batch after another to a topic of one partition on the target. */
  async #commitMs (batches: BatchFigures | undefined): Promise<number> {
    const { benchFlow, clock, names, stopped } = this.#options
    const counts = new BenchCounts()
    counts.countFromMs = 0
    await writeTopic({
      admin: this.#target, end: benchFlow.target, alias: names.alias,
      topic: `${names.alias}-commit`, partitions: 1, spec: { ...specOf(batches), records: 1 },
      records: commitBatches, clock, benchClock: this.#clock, stopped, counts, connections: 1
    })
    return percentileMs(counts.publishLatency.total, 50)
  }

  async #sweep (topic: TunedTopic): Promise<SweepResult | undefined> {
    const { flow, onStep, settings, stopped } = this.#options
    const start = Object.fromEntries(dimensions.map(({ setting }) =>
      [setting, flow.settings[setting]])) as Choice
    const stepMs = settings.maxSeconds * 1000 / stepsMax
    return await sweep(dimensions, start, async choice => {
      const step = { ...this.#options, target: this.#target }
      const figures = await runStep(step, ++this.#steps, choice, topic, stepMs)
      if (figures === undefined || stopped.aborted) return undefined
      const { bytesPerSecond, seconds } = figures
      this.#shortestSeconds = Math.min(this.#shortestSeconds, seconds)
      if (figures.isRising) this.#risingSteps++
      onStep(`step ${this.#steps} of at most ${stepsMax}: ${describeChoice(choice)}: ` +
        `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`)
      return bytesPerSecond
    })
  }

  async #explainSendBuffer (
    { first }: TunedTopic, roundTripMs: number, connection: ConnectionRate, { chosen }: SweepResult
  ): Promise<string | undefined> {
    const { flow, host } = this.#options
    return explainSendBuffer({
      brokerBytes: await brokerBuffer(this.#source, first.node, 'socket.send.buffer.bytes'),
      hostBytes: hostBuffer(host, 'tcp_rmem'),
      roundTripMs,
      connectionRate: connection.bytesPerSecond,
      chosenRate: chosen.bytesPerSecond,
      connections: Number(chosen.choice['connections.per.broker.max']),
      lanes: flow.settings.lanes
    })
  }
}

/** One for each value, and the start. */
const stepsMax = 1 + dimensions.reduce((sum, { values }) => sum + values.length, 0)

export function describeChoice (choice: Choice): string {
  return Object.entries(choice).map(([setting, value]) => `${setting}=${value}`).join(', ')
}
