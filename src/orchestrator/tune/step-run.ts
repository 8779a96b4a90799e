// One step of a tuning: a mirror of its own with one choice of settings mirrors the topic, and what
// it passes is measured at the target. Deletes what the mirror has created.
import { deleteBenchTopics } from '../bench/bench-topics.ts'
import {
  renderMirrorFile, targetAlias, type BenchNames, type UserFlow
} from '../bench/mirror-file.ts'
import { MirrorProcess } from '../bench/mirror-process.ts'
import type { ClusterAdmin, WantedOffset } from '../cluster/cluster-admin.ts'
import type { Clock } from '../time/clock.ts'
import { SteadyMeter } from './steady-meter.ts'
import type { Choice } from './tune-table.ts'
import type { TunedTopic } from './tuned-topic.ts'

export interface StepRunOptions {
  /** Of the tuning; each step has an alias of its own below it. */
  readonly names: BenchNames
  readonly user: UserFlow
  readonly target: ClusterAdmin
  readonly wrapper: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly stopped: AbortSignal
}

export interface StepFigures {
  readonly bytesPerSecond: number
  /** How long it was measured. */
  readonly seconds: number
  /** It was still becoming faster. */
  readonly isRising: boolean
}

const firstRecordMsMax = 60_000
const pollMs = 20

/** Undefined if the tuning was stopped. */
export async function runStep (
  options: StepRunOptions, nth: number, choice: Choice, topic: TunedTopic, stepMs: number
): Promise<StepFigures | undefined> {
  const { clock, environment, names, stopped, target, user, wrapper } = options
  const own = { alias: `${names.alias}-${nth}`, topic: topic.name }
  const args = Object.entries(choice).flatMap(([setting, value]) =>
    ['-X', `${own.alias}->${targetAlias}.${setting}=${value}`])
  const file = renderMirrorFile(own, {}, user)
  const mirror = new MirrorProcess({ file, args, wrapper, environment, clock })
  const remote = new RemoteTopic(target, `${own.alias}.${topic.name}`, topic.partitions)
  const meter = new SteadyMeter({ records: topic.records, stepMs })
  try {
    const deadline = clock.monotonic() + firstRecordMsMax
    while (!stopped.aborted) {
      mirror.mustRun()
      const count = await remote.countRecords()
      const atMs = clock.monotonic()
      const isOver = meter.see(atMs, count) || (!meter.hasBegun && atMs > deadline)
      if (isOver) {
        const { isRising, recordsPerSecond, seconds } = meter
        return { bytesPerSecond: recordsPerSecond * topic.bytesARecord, seconds, isRising }
      }
      await clock.sleep(pollMs, stopped).catch(() => {})
    }
    return undefined
  } finally {
    await mirror.stop()
    await deleteBenchTopics({ source: target, target }, own)
  }
}

class RemoteTopic {
  readonly #target: ClusterAdmin
  readonly #topic: string
  readonly #partitions: number
  #exists = false

  constructor (target: ClusterAdmin, topic: string, partitions: number) {
    this.#target = target
    this.#topic = topic
    this.#partitions = partitions
  }

  /**
   * 0 while the topic has no leaders. Before that no offsets are requested, because the client
   * remembers for long that a topic has no leader.
   */
  async countRecords (): Promise<number> {
    if (!this.#exists) {
      const [described] = await this.#target.describeTopics([this.#topic])
      const led = described?.partitions.filter(({ leader }) => leader >= 0) ?? []
      if (led.length < this.#partitions) return 0
      this.#exists = true
    }
    const wanted = Array.from({ length: this.#partitions }, (_, partition): WantedOffset =>
      ({ topic: this.#topic, partition, at: 'latest' }))
    const offsets = await this.#target.listOffsets(wanted, 'read_uncommitted')
    return offsets.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
  }
}
