// Reads each second the end offsets of every partition on both sides, not through the proxies.
import { setTimeout as sleep } from 'node:timers/promises'
import { offsetsOn, topicsOn } from '../../test/kafka/broker-view.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { withTimeout } from '../../test/kafka/eventually.ts'
import { remoteTopic } from './chaos-contender.ts'
import { StallWatch, type SeenEnds, type Stall } from './liveness.ts'
import { loadedTopics, partitionName } from './numbered-load.ts'

const everyMs = 1_000
// A broker that was just stopped does not answer; its partitions are left out.
const answerMs = 800
// A partition that is stalled for this long is reported once.
const longMs = 8_000

export class LivenessWatch {
  readonly #source: KafkaCluster
  readonly #target: KafkaCluster
  readonly #nowMs: () => number
  readonly #onLong: (partitions: readonly string[]) => void
  /** Reported partitions that are still stalled. */
  #long: readonly string[] = []
  readonly #watch = new StallWatch()
  /** Of a recreated topic: the number of records of earlier topics on the target. */
  readonly #before = new Map<string, number>()
  readonly #ending = new AbortController()
  readonly #running: Promise<void>

  /** `onLong` receives partitions that are stalled for long, once for each stall. */
  constructor (
    source: KafkaCluster, target: KafkaCluster, nowMs: () => number,
    onLong: (partitions: readonly string[]) => void
  ) {
    this.#source = source
    this.#target = target
    this.#nowMs = nowMs
    this.#onLong = onLong
    this.#running = this.#run()
  }

  /**
   * The source topic starts from 0; the records that the target has now belong to earlier topics.
   */
  async recreated (topic: string): Promise<void> {
    const ends = await endsOf(this.#target, remoteTopic)
    for (const [partition, end] of ends) {
      if (partition.startsWith(`${topic}-`)) this.#before.set(partition, end)
    }
  }

  async stop (): Promise<readonly Stall[]> {
    this.#ending.abort()
    await this.#running
    this.#watch.finish(this.#nowMs())
    return this.#watch.stalls
  }

  #report (): void {
    const long = this.#watch.stalledSince(this.#nowMs() - longMs)
    const fresh = long.filter(partition => !this.#long.includes(partition))
    this.#long = long
    if (fresh.length > 0) this.#onLong(fresh)
  }

  async #run (): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      const turn = sleep(everyMs, undefined, { signal }).catch(() => {})
      const [source, target] = await Promise.all(
        [endsOf(this.#source, topic => topic), endsOf(this.#target, remoteTopic)])
      const seen = [...source].flatMap(([partition, end]): Array<[string, SeenEnds]> => {
        const there = target.get(partition)
        const before = this.#before.get(partition) ?? 0
        return there === undefined ? [] : [[partition, { source: end, target: there - before }]]
      })
      this.#watch.see(this.#nowMs(), new Map(seen))
      this.#report()
      await turn
    }
  }
}

/** End offsets of the partitions whose leaders answer. */
async function endsOf (
  cluster: KafkaCluster, nameOf: (topic: string) => string
): Promise<ReadonlyMap<string, number>> {
  const names = new Map(loadedTopics.map(({ name }) => [nameOf(name), name]))
  const answering = cluster.brokers.filter(({ isAnswering }) => isAnswering)
  const [asked] = answering
  if (asked === undefined) return new Map()
  const views = await withTimeout('metadata', answerMs, topicsOn(asked, [...names.keys()]))
    .catch(() => [])
  const ends = await Promise.all(answering.flatMap(broker => views.map(async view => {
    const led = view.partitions.filter(({ leader }) => leader === broker.id)
      .map(({ partition }) => partition)
    if (led.length === 0) return []
    const found = await withTimeout('ends', answerMs, offsetsOn(broker, view.topic, led, 'end'))
      .catch(() => new Map<number, number>())
    return [...found].map(([partition, end]) =>
      [partitionName(names.get(view.topic) ?? '', partition), end] as const)
  })))
  return new Map(ends.flat())
}
