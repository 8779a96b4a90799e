// Administers a cluster for a test without a JVM: topics and metadata, over node-rdkafka.

import rdkafka, {
  type IAdminClient, type LibrdKafkaError, type Metadata, type Producer
} from 'node-rdkafka'
import type { Broker } from './broker.ts'
import { offsetsOn, topicOn, type TopicView } from './broker-view.ts'
import { eventually, withTimeout } from './eventually.ts'
import { asError, codeOf, isError, unlessFenced } from './librdkafka-error.ts'

const requestTimeoutMs = 15_000
const unknownTopicCode = 3
export interface TopicSettings {
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

export class KafkaAdmin {
  readonly #bootstrapServers: string
  #admin: IAdminClient | undefined
  #client: Promise<Producer> | undefined
  readonly #brokers: () => readonly Broker[]

  constructor (bootstrapServers: string, brokers: () => readonly Broker[]) {
    this.#bootstrapServers = bootstrapServers
    this.#brokers = brokers
  }

  /** Resolves when each broker knows the topic and each partition's leader serves it. */
  async createTopic (topic: string, settings: TopicSettings = {}): Promise<void> {
    const { partitions = 1, replicationFactor = 1, configs = {} } = settings
    const create = async (): Promise<void> => {
      await this.#call(`creation of ${topic}`, (admin, done) => {
        admin.createTopic({
          topic,
          num_partitions: partitions,
          replication_factor: replicationFactor,
          config: { ...configs }
        }, requestTimeoutMs, done)
      })
    }
    // On a busy machine a broker is fenced that had no time for its heartbeats, until the next one.
    await eventually(`brokers for ${topic} that are not fenced`, async () =>
      await create().then(() => true, (thrown: unknown) => {
        if (/fenced/.test(String(thrown))) return false
        throw thrown
      }))
    await this.untilServed(topic, partitions)
  }

  /**
   * Resolves when no broker knows the topic any more; a new topic of that name may already exist.
   */
  async deleteTopic (topic: string): Promise<void> {
    const views = await this.#viewsOf(topic)
    const ids = new Set(views.map(view => view?.id))
    await this.#call(`deletion of ${topic}`, (admin, done) => {
      admin.deleteTopic(topic, requestTimeoutMs, done)
    }).catch((thrown: unknown) => {
      // A broker sends the request again when the controller ends before it has answered. If the
      // first request deleted the topic, the second one finds no topic.
      const wasThere = views.some(view => view !== undefined)
      if (!wasThere || codeOf(thrown) !== unknownTopicCode) throw thrown
    })
    await eventually(`no broker knows the deleted ${topic}`, async () => {
      const views = await this.#viewsOf(topic).catch(() => undefined)
      return views?.every(view => view === undefined || !ids.has(view.id))
    })
  }

  /** `partitions` is the new total. */
  async createPartitions (topic: string, partitions: number): Promise<void> {
    await this.#call(`partitions of ${topic}`, (admin, done) => {
      admin.createPartitions(topic, partitions, requestTimeoutMs, done)
    })
    await this.untilServed(topic, partitions)
  }

  /** For a topic that another client created: its leaders follow within a second or two. */
  async untilServed (topic: string, count: number): Promise<void> {
    await eventually(`${count} partitions of ${topic} are known to each broker and served`,
      async () => await this.#isServed(topic, count).catch(() => false))
  }

  async metadata (topic?: string): Promise<Metadata> {
    const client = await this.#connected()
    const scope = topic === undefined ? { allTopics: true } : { topic }
    return await unlessFenced('metadata', async () => {
      return await new Promise<Metadata>((resolve, reject) => {
        client.getMetadata({ ...scope, timeout: requestTimeoutMs }, (error, metadata) => {
          if (isError(error)) reject(asError(error))
          else resolve(metadata)
        })
      })
    })
  }

  async topicNames (): Promise<string[]> {
    return (await this.metadata()).topics.map(topic => topic.name).sort()
  }

  async partitionCount (topic: string): Promise<number> {
    return partitionsOf(await this.metadata(topic), topic).length
  }

  /** Broker ids of each partition's replicas, by partition. */
  async replicasOf (topic: string): Promise<number[][]> {
    return partitionsOf(await this.metadata(topic), topic)
      .toSorted((a, b) => a.id - b.id)
      .map(({ replicas }) => replicas)
  }

  /** Broker id, or -1 while there is none. */
  async leaderOf (topic: string, partition: number): Promise<number> {
    const partitions = partitionsOf(await this.metadata(topic), topic)
    return partitions.find(p => p.id === partition)?.leader ?? -1
  }

  /** Log start offset and high watermark. */
  async offsets (topic: string, partition: number): Promise<{ low: number, high: number }> {
    const client = await this.#connected()
    return await new Promise((resolve, reject) => {
      client.queryWatermarkOffsets(topic, partition, requestTimeoutMs, (error, offsets) => {
        if (isError(error)) reject(asError(error))
        else resolve({ low: offsets.lowOffset, high: offsets.highOffset })
      })
    })
  }

  async close (): Promise<void> {
    this.#admin?.disconnect()
    this.#admin = undefined
    const client = await this.#client?.catch(() => undefined)
    this.#client = undefined
    if (client === undefined) return
    // A client whose brokers have ended may never close; it ends with the process.
    await withTimeout('disconnect', 3_000, new Promise<void>(resolve => {
      client.disconnect(1_000, () => { resolve() })
    })).catch(() => {})
  }

  async #isServed (topic: string, count: number): Promise<boolean> {
    const views = await this.#viewsOf(topic)
    const [view] = views
    if (view === undefined || views.some(each => !isSame(each, view))) return false
    if (view.partitions.length !== count) return false
    const served = await Promise.all(this.#brokers().map(async broker => {
      const led = view.partitions.filter(({ leader }) => leader === broker.id)
      if (led.length === 0 || !broker.isAnswering) return 0
      return (await offsetsOn(broker, topic, led.map(each => each.partition), 'end')).size
    }))
    return served.reduce((sum, size) => sum + size, 0) === count
  }

  /** One for each running broker; fails if a broker ends meanwhile. */
  async #viewsOf (topic: string): Promise<ReadonlyArray<TopicView | undefined>> {
    return await Promise.all(this.#brokers().filter(({ isAnswering }) => isAnswering)
      .map(async broker => await topicOn(broker, topic)))
  }

  async #call (
    what: string, start: (admin: IAdminClient, done: (error?: LibrdKafkaError) => void) => void
  ): Promise<void> {
    this.#admin ??= rdkafka.AdminClient.create({ 'bootstrap.servers': this.#bootstrapServers })
    const admin = this.#admin
    await withTimeout(what, requestTimeoutMs + 1_000, new Promise<void>((resolve, reject) => {
      start(admin, error => {
        if (error === undefined) resolve()
        else reject(new Error(`${what}: ${error.message}`, { cause: error }))
      })
    }))
  }

  async #connected (): Promise<Producer> {
    this.#client ??= connectProducer(this.#bootstrapServers)
    return await this.#client
  }
}

function isSame (view: TopicView | undefined, other: TopicView): boolean {
  const of = ({ id, partitions }: TopicView): string =>
    [id, ...partitions.map(({ leader, partition }) => `${partition}:${leader}`).toSorted()].join()
  return view !== undefined && of(view) === of(other)
}

/** By name: librdkafka may answer a request for one topic with all known topics. */
function partitionsOf (
  { topics }: Metadata, name: string
): Metadata['topics'][number]['partitions'] {
  return topics.find(topic => topic.name === name)?.partitions ?? []
}

async function connectProducer (bootstrapServers: string): Promise<Producer> {
  const client = new rdkafka.Producer({ 'bootstrap.servers': bootstrapServers })
  return await withTimeout('connect of the metadata client', requestTimeoutMs,
    new Promise<Producer>((resolve, reject) => {
      client.connect({ timeout: requestTimeoutMs }, error => {
        if (isError(error)) reject(asError(error))
        else resolve(client)
      })
    }))
}
