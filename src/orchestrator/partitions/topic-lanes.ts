// Which lanes of this process mirror how many partitions of each topic.
import type { FlowPartition } from './partition-table.ts'
import type { WantedTopic } from './wanted-topics.ts'

export interface TopicPlacement {
  readonly topic: string
  /** Of the source, in whatever process. */
  readonly partitions: number
  /** How many of them each lane of this process has. */
  readonly lanes: ReadonlyMap<number, number>
}

export interface TopicLanesOptions {
  readonly table: {
    readonly version: number
    readonly values: () => Iterable<Pick<FlowPartition, 'topic' | 'lane'>>
  }
  readonly wanted: {
    readonly version: number
    readonly get: (topic: string) => Pick<WantedTopic, 'partitions'> | undefined
  }
}

export class TopicLanes {
  readonly #options: TopicLanesOptions
  #placements: readonly TopicPlacement[] = []
  #version = ''

  constructor (options: TopicLanesOptions) {
    this.#options = options
  }

  /** The same array until a topic, a partition or its lane has changed. */
  get placements (): readonly TopicPlacement[] {
    const { table, wanted } = this.#options
    const version = `${table.version} ${wanted.version}`
    if (version !== this.#version) this.#placements = this.#count()
    this.#version = version
    return this.#placements
  }

  #count (): readonly TopicPlacement[] {
    const { table, wanted } = this.#options
    const topics = new Map<string, Map<number, number>>()
    for (const { lane, topic } of table.values()) {
      const lanes = topics.get(topic) ?? new Map<number, number>()
      if (lane >= 0) lanes.set(lane, (lanes.get(lane) ?? 0) + 1)
      topics.set(topic, lanes)
    }
    return [...topics].map(([topic, lanes]) => {
      const here = [...lanes.values()].reduce((sum, count) => sum + count, 0)
      // A topic that is not wanted any more drains.
      return { topic, partitions: Math.max(wanted.get(topic)?.partitions ?? 0, here), lanes }
    })
  }
}
