// A cluster for topics/ that answers from memory: topics with partition counts and settings, a rule
// for the topics that it refuses, and a list of all requests.
import type {
  ChangeOptions, ClusterAdmin, ConfigAlteration, ConfigDescription, ConfigResource, ConfigResult,
  NewTopic, PartitionCount, TopicListing, TopicResult
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import type { ErrorName } from '../../../src/orchestrator/errors/error-table.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'

export interface FakeTopic {
  readonly partitions: number
  /** Set on the topic itself. */
  readonly configs?: Readonly<Record<string, string>>
}

export class TopicsCluster {
  readonly cluster: string
  readonly topics: Map<string, FakeTopic>
  /** The values for topics that do not set them. */
  defaults: Readonly<Record<string, string>> = {}
  /** Errors of describeConfigs by topic. */
  readonly hidden = new Map<string, ErrorName>()
  /** The error with which a new topic is refused; undefined: it is not. */
  refuse: (topic: NewTopic) => ReplicatorError | undefined = () => undefined
  /** The error with which a change of settings is refused; undefined: it is not. */
  refuseChange: (alteration: ConfigAlteration) => ReplicatorError | undefined = () => undefined
  /** Called before each request; throws for a request that fails completely. */
  beforeRequest: (name: string) => void = () => {}
  /** `createTopics(3)`, `check(3)` for validateOnly. */
  readonly requests: string[] = []

  constructor (cluster: string, topics: Readonly<Record<string, FakeTopic>> = {}) {
    this.cluster = cluster
    this.topics = new Map(Object.entries(topics))
  }

  admin (): ClusterAdmin {
    return this as unknown as ClusterAdmin
  }

  async listTopics (): Promise<readonly TopicListing[]> {
    this.#note('listTopics', this.topics.size)
    return [...this.topics].map(([name, { partitions }]) =>
      ({ name, partitionCount: partitions, error: undefined }))
  }

  async describeConfigs (
    resources: readonly ConfigResource[]
  ): Promise<readonly ConfigDescription[]> {
    this.#note('describeConfigs', resources.length)
    return resources.map(({ name, type }) => {
      const topic = this.topics.get(name)
      const failed = topic === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : this.hidden.get(name)
      if (failed !== undefined) {
        return { name, type, error: new ReplicatorError(failed, name), entries: [] }
      }
      const entries = Object.entries({ ...this.defaults, ...topic?.configs })
      return {
        name,
        type,
        error: undefined,
        entries: entries.map(([name, value]) => ({
          name,
          value,
          source: Object.hasOwn(topic?.configs ?? {}, name)
            ? 'DYNAMIC_TOPIC_CONFIG' as const
            : 'DEFAULT_CONFIG' as const,
          readOnly: false,
          sensitive: false
        }))
      }
    })
  }

  async incrementalAlterConfigs (
    alterations: readonly ConfigAlteration[]
  ): Promise<readonly ConfigResult[]> {
    this.#note('incrementalAlterConfigs', alterations.length)
    return alterations.map(alteration => {
      const { changes, name, type } = alteration
      const topic = this.topics.get(name)
      const error = topic === undefined
        ? new ReplicatorError('UNKNOWN_TOPIC_OR_PARTITION', name)
        : this.refuseChange(alteration)
      if (topic !== undefined && error === undefined) {
        const configs = new Map(Object.entries(topic.configs ?? {}))
        for (const { name, value } of changes) {
          if (value === undefined) configs.delete(name)
          else configs.set(name, value)
        }
        this.topics.set(name, { ...topic, configs: Object.fromEntries(configs) })
      }
      return { name, type, error }
    })
  }

  async createTopics (
    topics: readonly NewTopic[], { validateOnly = false }: ChangeOptions = {}
  ): Promise<readonly TopicResult[]> {
    this.#note(validateOnly ? 'check' : 'createTopics', topics.length)
    return topics.map(topic => {
      const { name, partitions, configs = {} } = topic
      if (this.topics.has(name)) {
        return { name, error: new ReplicatorError('TOPIC_ALREADY_EXISTS', name) }
      }
      const error = this.refuse(topic)
      if (error === undefined && !validateOnly) this.topics.set(name, { partitions, configs })
      return { name, error }
    })
  }

  async createPartitions (
    topics: readonly PartitionCount[], { validateOnly = false }: ChangeOptions = {}
  ): Promise<readonly TopicResult[]> {
    this.#note(validateOnly ? 'checkPartitions' : 'createPartitions', topics.length)
    return topics.map(({ name, partitions }) => {
      if (this.hidden.has(name)) {
        return { name, error: new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', name) }
      }
      if (!validateOnly) this.topics.set(name, { ...this.topics.get(name), partitions })
      return { name, error: undefined }
    })
  }

  #note (name: string, count: number): void {
    this.beforeRequest(name)
    this.requests.push(`${name}(${count})`)
  }
}

/** Like a broker that does not know some settings. */
export function unknownSettings (...names: readonly string[]): TopicsCluster['refuse'] {
  return ({ configs = {} }) => {
    const unknown = Object.keys(configs).find(name => names.includes(name))
    return unknown === undefined
      ? undefined
      : new ReplicatorError('INVALID_CONFIG', `Unknown topic config name: ${unknown}`)
  }
}
