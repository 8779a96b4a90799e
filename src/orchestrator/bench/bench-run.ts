// One bench from its first step to its last: topics, mirror, probe, warm-up, load, catching up, and
// the deletion of its topics. Does not depend on the kind of clusters or on how results are shown.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { openClusterAdmin } from '../cluster/native-cluster-admin.ts'
import { RequestClient } from '../cluster/native-request-client.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { buildBatchPool } from './batch-pool.ts'
import type { BatchTemplate } from './batch-template.ts'
import { BenchClock } from './bench-clock.ts'
import { BenchCounts, type BenchSample } from './bench-counts.ts'
import type { BenchResult } from './bench-result.ts'
import type { BenchSettings } from './bench-table.ts'
import { createBenchTopics, deleteBenchTopics, type TopicMaker } from './bench-topics.ts'
import { planLoad, type LoadPlan } from './load-plan.ts'
import { Load } from './load.ts'
import type { BenchNames } from './mirror-file.ts'
import { MirrorProcess } from './mirror-process.ts'
import type { ProcessUsage } from './process-usage.ts'
import { TargetReader } from './target-reader.ts'
import { TopicLeaders } from './topic-leaders.ts'

export interface BenchRunOptions {
  readonly settings: BenchSettings
  readonly names: BenchNames
  readonly flow: FlowConfig
  /** For clusters whose topics no admin request can create. */
  readonly maker: TopicMaker | undefined
  readonly mirror: {
    readonly file: string
    readonly args: readonly string[]
    readonly wrapper: readonly string[]
    readonly environment: Readonly<Record<string, string | undefined>>
  }
  readonly clock: Clock
  readonly stopped: AbortSignal
  /** Names the step that begins, for people. */
  readonly onStep: (step: string) => void
  readonly onSample: (sample: BenchSample) => void
  /** Topics that could not be deleted. */
  readonly onLeft: (topics: readonly string[]) => void
}

const adminTimeoutMs = 30_000
const sampleMs = 1_000
const pollMs = 50
/** A mirror that has not mirrored the probe by then does not run. */
const startMsMax = 60_000
/** If nothing more arrives for this long, the bench stops waiting. */
const patienceMs = 30_000

/** Undefined if the bench was stopped. */
export async function runBench (options: BenchRunOptions): Promise<BenchResult | undefined> {
  const { flow, names } = options
  const source = openClusterAdmin({ ...flow.source.admin, timeoutMs: adminTimeoutMs })
  const target = openClusterAdmin({ ...flow.target.admin, timeoutMs: adminTimeoutMs })
  try {
    return await new Bench(options, source, target).run()
  } finally {
    if (options.maker === undefined) {
      options.onStep('deleting the topics of the bench')
      const left = await deleteBenchTopics({ source, target }, names)
      if (left.length > 0) options.onLeft(left)
    }
    await Promise.all([source.close(), target.close()])
  }
}

class Bench {
  readonly #options: BenchRunOptions
  readonly #source: ClusterAdmin
  readonly #target: ClusterAdmin
  readonly #clock: BenchClock
  readonly #counts = new BenchCounts()
  readonly #plan: LoadPlan
  /** Aborted by the user's signal, or by an error of a part that runs beside the others. */
  readonly #stopping = new AbortController()
  #failure: unknown

  constructor (options: BenchRunOptions, source: ClusterAdmin, target: ClusterAdmin) {
    this.#options = options
    this.#source = source
    this.#target = target
    this.#clock = new BenchClock(options.clock)
    this.#plan = planLoad(options.settings)
  }

  async run (): Promise<BenchResult | undefined> {
    const { clock, maker, mirror, names, onStep, settings, stopped } = this.#options
    const stop = (): void => { this.#stopping.abort() }
    stopped.addEventListener('abort', stop, { once: true })
    if (stopped.aborted) stop()
    const remoteTopic = this.#options.flow.policy.remoteTopic(names.topic)
    onStep('building batches')
    const templates = await buildBatchPool(this.#plan.spec, settings.seed)
    onStep(`creating the topic ${names.topic}`)
    await createBenchTopics({ source: this.#source }, names, settings.partitions, remoteTopic,
      maker)
    onStep('starting the mirror')
    const process = new MirrorProcess({ ...mirror, clock })
    const clients: RequestClient[] = []
    try {
      const result = await this.#measure(process, templates, remoteTopic, clients)
      if (this.#failure !== undefined) throw ReplicatorError.from(this.#failure)
      return result
    } finally {
      stop()
      stopped.removeEventListener('abort', stop)
      await Promise.all(clients.map(async client => { await client.close() }))
      await process.stop()
    }
  }

  async #measure (
    process: MirrorProcess, templates: readonly BatchTemplate[], remoteTopic: string,
    clients: RequestClient[]
  ): Promise<BenchResult | undefined> {
    const { flow, names, settings } = this.#options
    const open = (end: FlowConfig['source'], id: string): RequestClient => {
      const client = new RequestClient(end.admin, id)
      clients.push(client)
      return client
    }
    const leaders = this.#leadersOf(this.#source, names.topic)
    await leaders.refresh()
    const load = new Load({
      clients: Array.from({ length: settings.producers },
        () => open(flow.source, 'longhaul-bench-producer')),
      topic: names.topic,
      leaders,
      templates,
      intervalMs: this.#plan.intervalMs,
      clock: this.#clock,
      counts: this.#counts,
      stopped: this.#stopping.signal
    })
    const reader = new TargetReader({
      client: open(flow.target, 'longhaul-bench-consumer'),
      topic: remoteTopic,
      leaders: this.#leadersOf(this.#target, remoteTopic),
      clock: this.#clock,
      counts: this.#counts
    })
    try {
      await this.#probe(process, load, reader)
      const figures = await this.#runLoad(process, load, reader)
      return this.#stopping.signal.aborted ? undefined : figures
    } finally {
      await reader.close()
    }
  }

  #leadersOf (admin: ClusterAdmin, topic: string): TopicLeaders {
    const { clock, settings } = this.#options
    return new TopicLeaders(admin, topic, settings.partitions, clock, this.#stopping.signal)
  }

  /** A few batches until the target has all that the source accepted: then the mirror runs. */
  async #probe (process: MirrorProcess, load: Load, reader: TargetReader): Promise<void> {
    const { onStep, settings } = this.#options
    const { records } = this.#plan.spec
    const probe = records * settings.partitions
    // A leader may refuse batches of a topic that has just been created.
    while (!this.#stopping.signal.aborted && load.acked < probe) {
      await load.run({ startMs: 0, records: probe - load.acked, endMs: Infinity })
    }
    this.#counts.publishErrors = 0
    onStep('waiting for the mirror')
    reader.start(error => { this.#fail(error) })
    await this.#untilMirrored(process, load, reader)
  }

  /** Until the target has all that the source accepted so far. */
  async #untilMirrored (process: MirrorProcess, load: Load, reader: TargetReader): Promise<void> {
    const deadline = this.#clock.now() + startMsMax
    while (!this.#stopping.signal.aborted && reader.records < load.acked) {
      process.mustRun()
      if (this.#clock.now() > deadline) {
        throw new ReplicatorError('TIMED_OUT', `the mirror mirrored ${reader.records} of ` +
          `${load.acked} records in ${startMsMax / 1000} s`)
      }
      await this.#pause(pollMs)
    }
  }

  async #runLoad (
    process: MirrorProcess, load: Load, reader: TargetReader
  ): Promise<BenchResult> {
    const { onStep, settings } = this.#options
    if (settings.warmUp > 0) {
      onStep(`warming up for ${settings.warmUp} s`)
      const startMs = this.#clock.now()
      await load.run({ startMs, records: Infinity, endMs: startMs + settings.warmUp * 1000 })
      // A mirror that merges batches would put records that count behind records that do not.
      await this.#untilMirrored(process, load, reader)
    }
    onStep(`writing ${describeLoad(settings)} while they are mirrored`)
    const before = this.#usage(process)
    // Whole milliseconds: the timestamps of the load are, and the first one must count.
    const startMs = Math.ceil(this.#clock.now())
    await this.#clock.sleepUntil(startMs, this.#stopping.signal)
    this.#counts.begin(startMs)
    const sampling = this.#sample(process)
    const endMs = settings.duration > 0 ? startMs + settings.duration * 1000 : Infinity
    const records = settings.duration > 0 ? Infinity : settings.records
    try {
      await load.run({ startMs, records, endMs })
      const publishedMs = this.#clock.now()
      await this.#catchUp(process)
      return this.#result(startMs, publishedMs, before, this.#usage(process))
    } finally {
      this.#sampling.abort()
      await sampling
    }
  }

  readonly #sampling = new AbortController()

  async #sample (process: MirrorProcess): Promise<void> {
    const { clock, onSample } = this.#options
    while (!this.#sampling.signal.aborted) {
      await clock.sleep(sampleMs, this.#sampling.signal).catch(() => {})
      onSample(this.#counts.sample(this.#clock.now()))
      try {
        process.mustRun()
      } catch (thrown) {
        this.#fail(thrown)
      }
    }
  }

  async #catchUp (process: MirrorProcess): Promise<void> {
    const counts = this.#counts
    let mirrored = -1
    let lastNewsMs = this.#clock.now()
    while (!this.#stopping.signal.aborted && counts.mirrored < counts.published) {
      process.mustRun()
      if (counts.mirrored > mirrored) {
        mirrored = counts.mirrored
        lastNewsMs = this.#clock.now()
      } else if (this.#clock.now() - lastNewsMs > patienceMs) {
        throw new ReplicatorError('TIMED_OUT', `the target has ${counts.mirrored} of ` +
          `${counts.published} records, and no more arrived for ${patienceMs / 1000} s`)
      }
      await this.#pause(pollMs)
    }
  }

  #result (
    startMs: number, publishedMs: number, before: ProcessUsage, after: ProcessUsage
  ): BenchResult {
    const { spec } = this.#plan
    return {
      settings: this.#options.settings,
      batchRecords: spec.records,
      counts: this.#counts,
      publishSeconds: (publishedMs - startMs) / 1000,
      mirrorSeconds: (Math.max(this.#counts.lastMirroredMs, startMs) - startMs) / 1000,
      mirrorCpuSeconds: after.cpuSeconds - before.cpuSeconds,
      mirrorPeakRssBytes: after.peakRssBytes
    }
  }

  #usage (process: MirrorProcess): ProcessUsage {
    process.mustRun()
    const usage = process.usage()
    if (usage === undefined) throw new ReplicatorError('INTERNAL', 'the mirror of the bench ended')
    return usage
  }

  #fail (error: unknown): void {
    this.#failure ??= error
    this.#stopping.abort()
  }

  async #pause (milliseconds: number): Promise<void> {
    await this.#options.clock.sleep(milliseconds, this.#stopping.signal).catch(() => {})
  }
}

function describeLoad ({ duration, records }: BenchSettings): string {
  return duration > 0 ? `records for ${duration} s` : `${records.toLocaleString('en-US')} records`
}
