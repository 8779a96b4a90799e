// One topic under a steady load and the processes that mirror it: the common part of tests in which
// processes join, leave, die or are forgotten.
import assert from 'node:assert/strict'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import {
  createPropertiesFile, runCommand, startMirror, type CleanUp, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad, type LoadSettings } from './sequence-load.ts'

export class LoadedFlow {
  readonly #t: CleanUp
  readonly #target: KafkaCluster
  readonly #topic: string
  readonly #partitions: number
  readonly #file: string
  readonly #load: SequenceLoad

  private constructor (
    t: CleanUp, target: KafkaCluster, topic: string, partitions: number, file: string,
    load: SequenceLoad
  ) {
    this.#t = t
    this.#target = target
    this.#topic = topic
    this.#partitions = partitions
    this.#file = file
    this.#load = load
  }

  static async create (
    t: CleanUp, clusters: MirroredClusters, topic: string, settings: LoadSettings,
    properties: Properties = {}
  ): Promise<LoadedFlow> {
    const { source, target } = clusters
    const { partitions } = settings
    await source.createTopic(topic, { partitions })
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': topic, ...properties }))
    const load = await SequenceLoad.start(t, source, topic, { recordsPerTurn: 5, ...settings })
    return new LoadedFlow(t, target, topic, partitions, file, load)
  }

  get remoteTopic (): string { return `east.${this.#topic}` }

  /** `tree`: of another version of the program. */
  async start (env: NodeJS.ProcessEnv = {}, tree?: string): Promise<MirrorProcess> {
    return await startMirror(this.#t, this.#file, [], env, tree)
  }

  /** A command of an operator, with the file of the flow. */
  async run (command: string, options: readonly string[]): ReturnType<typeof runCommand> {
    return await runCommand([command, this.#file, ...options])
  }

  /** Resolves when the records written until now, and some more, are on the target. */
  async more (mirror: MirrorProcess): Promise<void> {
    await this.#until(mirror, this.#load.written + 20)
  }

  /** A process mirrors some of the load, and is then killed. */
  async startAndKill (): Promise<void> {
    const mirror = await this.start()
    await this.more(mirror)
    await mirror.kill()
  }

  /** A second process shares the partitions, and owns all of them once the first has stopped. */
  async handOver (first: MirrorProcess, tree?: string): Promise<MirrorProcess> {
    const second = await this.start({}, tree)
    await untilOwned(first, this.#partitions / 2)
    await untilOwned(second, this.#partitions / 2)
    await this.more(second)
    assert.deepEqual(await first.stop(), { code: 0, signal: null })
    await untilOwned(second, this.#partitions)
    return second
  }

  /** Ends the load and compares both sides. */
  async finish (mirror: MirrorProcess): Promise<void> {
    const count = await this.#load.stop()
    await this.#until(mirror, count)
    await assertEachOnceInOrder(this.#target, this.remoteTopic, this.#partitions, count)
  }

  async #until (mirror: MirrorProcess, count: number): Promise<void> {
    await untilRecords(mirror, this.#target, this.remoteTopic, count * this.#partitions)
  }
}

/** Resolves when the process reports that it mirrors this many partitions. */
export async function untilOwned (
  mirror: MirrorProcess, count: number
): Promise<void> {
  await mirror.until(`${count} partitions`, async () => await ownedBy(mirror) === count)
}

/** -1 for a process that does not answer. */
export async function ownedBy (mirror: MirrorProcess): Promise<number> {
  const metrics = await mirror.metrics().catch(() => undefined)
  if (metrics === undefined) return -1
  return Object.entries(seriesOf(metrics, 'longhaul_partitions'))
    .filter(([labels]) => !labels.includes('state="removed"'))
    .reduce((sum, [, count]) => sum + count, 0)
}
