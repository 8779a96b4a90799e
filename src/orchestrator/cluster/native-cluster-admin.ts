// ClusterAdmin on the data plane's admin client. Divides long lists into requests, which run one
// after another, and turns native failures into errors. The calls themselves are in
// kafka/admin_*.cc.
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import { openAdmin, type NativeAdmin } from '../../dataplane/index.ts'
import { errorByName } from '../errors/error-table.ts'
import { ReplicatorError, type NativeFailure } from '../errors/replicator-error.ts'
import { chunks } from './chunks.ts'
import type {
  AclResult, ChangeOptions, ClusterAdmin, ClusterDescription, CommittedPartition, ConfigAlteration,
  ConfigDescription, ConfigResource, ConfigResult, DeleteBefore, DeletedRecords,
  DescribeClusterOptions, DescribeOptions, GroupDescription, GroupListings, GroupOffset,
  GroupOffsets, Isolation,
  ListedOffset, NewTopic, PartitionCount, PartitionProducers, ProducerId, RequestOptions,
  TopicDescription, TopicAcl, TopicListing, TopicResult, WantedOffset
} from './cluster-admin.ts'
import type {
  BatchSample, ControllerTime, PartitionSample, RequestVersion, SampledBatch, SampleRequest
} from './cluster-samples.ts'
import {
  clusterError, isNativeFailure, itemError, type AclOperation
} from './cluster-error.ts'
import { GroupCoordinators } from './group-coordinators.ts'
import { loginOf } from './login-refusal.ts'
import { quickClientProperties } from './quick-client.ts'
import { holdToken, tokenError, type TokenHold } from './token-source.ts'

export interface NativeClusterAdminOptions {
  /** The alias in the configuration. */
  readonly cluster: string
  /** librdkafka properties: config/client-properties.ts converts Java's properties to them. */
  readonly properties: Readonly<Record<string, string>>
  /** Of each request, from the call on: includes the wait for a free thread of this client. */
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 30_000

// How much one request carries. The native side searches the requested list for each topic of a
// response, so the cost of a request grows with the square of its length.
const topicsPerRequest = 500
// About 40 entries a topic: some 2 MB of response.
const configsPerRequest = 200
const aclsPerRequest = 500
const groupsPerRequest = 100
const partitionsPerRequest = 2_000
// The longest wait for a dead broker; by then its groups have another coordinator.
const groupCallMsMax = 10_000
// A KRaft controller refuses a request that creates more than 10,000 partitions.
const newPartitionsPerRequest = 2_000

export function openClusterAdmin (options: NativeClusterAdminOptions): ClusterAdmin {
  return new NativeClusterAdmin(options)
}

class NativeClusterAdmin implements ClusterAdmin {
  readonly cluster: string
  readonly #admin: NativeAdmin
  readonly #timeoutMs: number
  readonly #login: string | undefined
  readonly #token: TokenHold | undefined
  readonly #groups: GroupCoordinators

  constructor ({ cluster, properties, timeoutMs = defaultTimeoutMs }: NativeClusterAdminOptions) {
    this.cluster = cluster
    this.#timeoutMs = timeoutMs
    this.#login = loginOf(properties)
    try {
      this.#admin = openAdmin(quickClientProperties(properties, 'longhaul-admin'))
    } catch (thrown) {
      if (!isNativeFailure(thrown)) throw thrown
      // The client has only checked the properties so far: it has opened no connection.
      throw new ReplicatorError('CONFIG_INVALID', `cluster ${cluster}: ${thrown.detail}`,
        { cause: thrown })
    }
    this.#token = holdToken(properties, token => { this.#admin.setToken(token) })
    this.#groups = new GroupCoordinators({
      cluster,
      call: async (name, args) => await this.#call(name, args, groupCallMsMax),
      brokers: async () => (await this.describeCluster()).brokers.map(({ id }) => id)
    })
  }

  async describeCluster (
    { broker, timeoutMs = Infinity, withOperations = false }: DescribeClusterOptions = {}
  ): Promise<ClusterDescription> {
    const request = { broker: broker ?? null, withOperations }
    return await this.#call('describeCluster', request, timeoutMs) as ClusterDescription
  }

  async listTopics (): Promise<readonly TopicListing[]> {
    const topics = await this.#call('listTopics', {}) as ReadonlyArray<Native<TopicListing>>
    return topics.map(topic => this.#withError(`topic ${topic.name}`, topic, 'DESCRIBE'))
  }

  async describeTopics (
    names: readonly string[], { withOperations = false }: DescribeOptions = {}
  ): Promise<readonly TopicDescription[]> {
    const topics = await this.#callInChunks<TopicDescription>(chunks(names, topicsPerRequest),
      names => ['describeTopics', { names, withOperations }])
    return topics.map(topic => this.#withError(`topic ${topic.name}`, topic, 'DESCRIBE'))
  }

  async createTopics (
    topics: readonly NewTopic[], { validateOnly = false }: ChangeOptions = {}
  ): Promise<readonly TopicResult[]> {
    const requests = chunks(topics.map(nativeTopic), newPartitionsPerRequest,
      topic => Math.max(1, topic.partitions))
    const results = await this.#callInChunks<TopicResult>(requests,
      topics => ['createTopics', { topics, validateOnly }])
    return results.map(topic => this.#withError(`topic ${topic.name}`, topic, 'CREATE'))
  }

  async createPartitions (
    topics: readonly PartitionCount[], { validateOnly = false }: ChangeOptions = {}
  ): Promise<readonly TopicResult[]> {
    const requests = chunks(topics, newPartitionsPerRequest, topic => Math.max(1, topic.partitions))
    const results = await this.#callInChunks<TopicResult>(requests,
      topics => ['createPartitions', { topics, validateOnly }])
    return results.map(topic => this.#withError(`topic ${topic.name}`, topic, 'ALTER'))
  }

  async deleteTopics (names: readonly string[]): Promise<readonly TopicResult[]> {
    const results = await this.#callInChunks<TopicResult>(chunks(names, topicsPerRequest),
      names => ['deleteTopics', { names }])
    return results.map(topic => this.#withError(`topic ${topic.name}`, topic, 'DELETE'))
  }

  async describeConfigs (
    resources: readonly ConfigResource[]
  ): Promise<readonly ConfigDescription[]> {
    const results = await this.#callInChunks<ConfigDescription>(configRequests(resources),
      resources => ['describeConfigs', { resources }])
    return results.map(result =>
      this.#withError(`${result.type} ${result.name}`, result, 'DESCRIBE_CONFIGS'))
  }

  async incrementalAlterConfigs (
    alterations: readonly ConfigAlteration[], { validateOnly = false }: ChangeOptions = {}
  ): Promise<readonly ConfigResult[]> {
    const results = await this.#callInChunks<ConfigResult>(configRequests(alterations),
      resources => ['incrementalAlterConfigs', { resources, validateOnly }])
    return results.map(result =>
      this.#withError(`${result.type} ${result.name}`, result, 'ALTER_CONFIGS'))
  }

  async describeTopicAcls (): Promise<readonly TopicAcl[]> {
    return await this.#call('describeTopicAcls', {}) as readonly TopicAcl[]
  }

  async createTopicAcls (acls: readonly TopicAcl[]): Promise<readonly AclResult[]> {
    return await this.#changeAcls('createTopicAcls', acls)
  }

  async deleteTopicAcls (acls: readonly TopicAcl[]): Promise<readonly AclResult[]> {
    return await this.#changeAcls('deleteTopicAcls', acls)
  }

  async listOffsets (
    wanted: readonly WantedOffset[], isolation: Isolation,
    { timeoutMs = Infinity }: RequestOptions = {}
  ): Promise<readonly ListedOffset[]> {
    const readCommitted = isolation === 'read_committed'
    const results = await this.#callInChunks<ListedOffset>(chunks(wanted, partitionsPerRequest),
      partitions => ['listOffsets', { partitions, readCommitted }], timeoutMs)
    return results.map((result, index) => this.#withError(`${result.topic}-${result.partition}`,
      isAnswered(result, wanted[index]) ? result : { ...result, ...unanswered },
      'DESCRIBE'))
  }

  async deleteRecords (before: readonly DeleteBefore[]): Promise<readonly DeletedRecords[]> {
    const results = await this.#callInChunks<DeletedRecords>(chunks(before, partitionsPerRequest),
      partitions => ['deleteRecords', { partitions }])
    return results.map(result =>
      this.#withError(`${result.topic}-${result.partition}`, result, 'DELETE'))
  }

  async describeGroups (names: readonly string[]): Promise<readonly GroupDescription[]> {
    const groups = await this.#callInChunks<GroupDescription>(chunks(names, groupsPerRequest),
      names => ['describeGroups', { names }])
    return groups.map(group => this.#withError(`group ${group.name}`, group, 'DESCRIBE'))
  }

  async listGroups (): Promise<GroupListings> { return await this.#groups.list() }

  async groupOffsets (names: readonly string[]): Promise<readonly GroupOffsets[]> {
    return await this.#groups.offsetsOf(names)
  }

  async commitGroupOffsets (
    group: string, offsets: readonly GroupOffset[]
  ): Promise<readonly CommittedPartition[]> {
    return await this.#groups.commit(group, offsets)
  }

  async describeProducers (
    partitions: ReadonlyArray<{ readonly topic: string, readonly partition: number }>
  ): Promise<readonly PartitionProducers[]> {
    const described = await this.describeTopics([...new Set(partitions.map(({ topic }) => topic))])
    const leaders = new Map(described.flatMap(({ name, partitions }) =>
      partitions.map(({ leader, partition }) => [`${name}/${partition}`, leader] as const)))
    const byNode = new Map<number, Array<(typeof partitions)[number]>>()
    for (const wanted of partitions) {
      const leader = leaders.get(`${wanted.topic}/${wanted.partition}`) ?? -1
      if (leader >= 0) byNode.set(leader, [...byNode.get(leader) ?? [], wanted])
    }
    const results = await Promise.all([...byNode].map(async ([node, partitions]) =>
      await this.#callInChunks<PartitionProducers>(chunks(partitions, partitionsPerRequest),
        partitions => ['describeProducers', { node, partitions }])))
    return results.flat().map(result =>
      this.#withError(`${result.topic}-${result.partition}`, result, 'READ'))
  }

  async initProducerId (): Promise<ProducerId> {
    return await this.#call('initProducerId', {}) as ProducerId
  }

  async sampleBatches (request: SampleRequest): Promise<BatchSample> {
    const answer = await this.#call('sampleBatches', request) as NativeSample
    return {
      throttleMs: answer.throttleMs,
      bytes: Number(answer.bytes),
      elapsedMs: Number(answer.elapsedMicros) / 1000,
      partitions: answer.partitions.map(({ batches, ...partition }) => this.#withError(
        `${partition.topic}-${partition.partition}`,
        {
          ...partition,
          batches: batches.map(({ reason, ...batch }) =>
            ({ ...batch, reason: batchReasons[reason] ?? 'none' }))
        }, 'READ'))
    }
  }

  async requestVersions (node: number): Promise<readonly RequestVersion[]> {
    return await this.#call('requestVersions', { node }) as readonly RequestVersion[]
  }

  async controllerTime (node: number): Promise<ControllerTime> {
    const { leader, timeMs } = await this.#call('quorumTime', { node }) as
      { readonly leader: number, readonly timeMs: bigint }
    return { controller: leader, timeMs: Number(timeMs) }
  }

  async close (): Promise<void> {
    this.#token?.release()
    await this.#admin.close()
  }

  async #call (name: string, args: object, timeoutMs = Infinity): Promise<unknown> {
    try {
      await this.#token?.token()
    } catch (thrown) {
      throw tokenError(this.cluster, thrown)
    }
    try {
      return await this.#admin.call(name, args, Math.min(timeoutMs, this.#timeoutMs))
    } catch (thrown) {
      if (!isNativeFailure(thrown)) throw thrown
      throw clusterError(this.cluster, thrown, name, this.#login)
    }
  }

  // One after another: a failed request ends the call before the next request is sent, and the
  // cluster never receives all requests at once.
  async #callInChunks<Result, Item = unknown> (
    pieces: readonly Item[][], request: (piece: Item[]) => [name: string, args: object],
    timeoutMs = Infinity
  ): Promise<Array<Native<Result>>> {
    const results: Array<Native<Result>> = []
    for (const piece of pieces) {
      results.push(...await this.#call(...request(piece), timeoutMs) as Array<Native<Result>>)
    }
    return results
  }

  async #changeAcls (call: string, acls: readonly TopicAcl[]): Promise<readonly AclResult[]> {
    const results = await this.#callInChunks<{ readonly error: unknown }>(
      chunks(acls, aclsPerRequest), acls => [call, { acls }])
    return acls.map((acl, i) => {
      const failure = results[i] ?? { code: 0, detail: '' }
      return {
        acl,
        error: failure.code === 0
          ? undefined
          : clusterError(this.cluster, { code: failure.code, detail: failure.detail }, call)
      }
    })
  }

  #withError<Result> (
    item: string, { code, detail, ...rest }: Native<Result>, needs: AclOperation
  ): Result {
    return { ...rest, error: itemError(this.cluster, item, { code, detail }, needs) } as Result
  }
}

/**
 * If the request to one of several brokers fails, librdkafka returns that broker's partitions with
 * neither an offset nor an error. If this were an answer, a log with records would look empty. In a
 * lookup by timestamp the two cases look the same: a result without an offset also means that there
 * is no such record.
 */
function isAnswered ({ offset, code }: Native<ListedOffset>, wanted?: WantedOffset): boolean {
  return code !== 0 || offset >= 0n || typeof wanted?.at === 'bigint'
}

const unanswered: NativeFailure = {
  code: errorByName('_TRANSPORT').code,
  detail: 'the broker that leads it did not answer'
}

/** A result of the data plane: it holds a code and a detail instead of `error`. */
type Native<Result> = Omit<Result, 'error'> & NativeFailure

interface NativeSample extends Pick<BatchSample, 'throttleMs'> {
  readonly bytes: bigint
  readonly elapsedMicros: bigint
  readonly partitions: ReadonlyArray<Native<Omit<PartitionSample, 'batches'>> & {
    /** `reason`: index into batchReasons. */
    readonly batches: ReadonlyArray<Omit<SampledBatch, 'reason'> & { readonly reason: number }>
  }>
}

function nativeTopic ({ name, partitions, replicationFactor, configs = {} }: NewTopic) {
  const entries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  return { name, partitions, replicationFactor, configs: entries }
}

/** Many topics in one request; one broker in one request, because only that broker can answer. */
function configRequests<Resource extends ConfigResource> (
  resources: readonly Resource[]
): Resource[][] {
  return chunks(resources, configsPerRequest,
    ({ type }) => type === 'broker' ? configsPerRequest : 1)
}
