// The requests of the orchestrator to one cluster, independent of the implementation: the native
// client in production, a fake cluster in tests. Defines shapes, units and errors.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { ClusterSamples } from './cluster-samples.ts'

/**
 * Every method sends one request to the cluster, or several if one request cannot carry all
 * arguments. A request that fails as a whole rejects with a ReplicatorError that names the cluster;
 * a failure of one item is that item's `error`, and the other items are valid. Results are in the
 * order of the request. A request about a topic never creates the topic. A refused login, an
 * unresolvable host or a cluster that is down rejects within about three seconds, every other
 * failure within the timeout of the client. A request that changes something is never sent twice:
 * the caller decides when to retry, and `error.retriable` says whether a retry makes sense.
 */
export interface ClusterAdmin extends ClusterSamples {
  /** The alias of the cluster in the configuration, for errors and logs. */
  readonly cluster: string

  /** Fails after `timeoutMs` if that is less than the timeout of the client. */
  describeCluster (options?: DescribeClusterOptions): Promise<ClusterDescription>
  /** All topics that the principal may describe, including internal topics. */
  listTopics (): Promise<readonly TopicListing[]>
  describeTopics (
    names: readonly string[], options?: DescribeOptions
  ): Promise<readonly TopicDescription[]>
  createTopics (
    topics: readonly NewTopic[], options?: ChangeOptions
  ): Promise<readonly TopicResult[]>
  /** Raises partition counts; a topic's count cannot be lowered. */
  createPartitions (
    topics: readonly PartitionCount[], options?: ChangeOptions
  ): Promise<readonly TopicResult[]>
  deleteTopics (names: readonly string[]): Promise<readonly TopicResult[]>

  describeConfigs (resources: readonly ConfigResource[]): Promise<readonly ConfigDescription[]>
  /** Changes the named entries; the other entries are unchanged (brokers 2.3 and later). */
  incrementalAlterConfigs (
    alterations: readonly ConfigAlteration[], options?: ChangeOptions
  ): Promise<readonly ConfigResult[]>

  /** All ACLs of topics. Rejects with SECURITY_DISABLED if the cluster has no authorizer. */
  describeTopicAcls (): Promise<readonly TopicAcl[]>
  createTopicAcls (acls: readonly TopicAcl[]): Promise<readonly AclResult[]>
  /** Deletes exactly these ACLs; an ACL that does not exist is no error. */
  deleteTopicAcls (acls: readonly TopicAcl[]): Promise<readonly AclResult[]>

  listOffsets (
    wanted: readonly WantedOffset[], isolation: Isolation, options?: RequestOptions
  ): Promise<readonly ListedOffset[]>
  /** Raises log start offsets: the records before them are deleted irrevocably. */
  deleteRecords (before: readonly DeleteBefore[]): Promise<readonly DeletedRecords[]>
  describeGroups (names: readonly string[]): Promise<readonly GroupDescription[]>
  /** Groups of all types and protocols that the principal may describe. */
  listGroups (): Promise<GroupListings>
  /** All committed offsets of the groups; [] for a group that does not exist. */
  groupOffsets (names: readonly string[]): Promise<readonly GroupOffsets[]>
  /**
   * Commits for a group that has no members; creates a group that does not exist. If the group has
   * members, the error of each item is UNKNOWN_MEMBER_ID.
   */
  commitGroupOffsets (
    group: string, offsets: readonly GroupOffset[]
  ): Promise<readonly CommittedPartition[]>
  /**
   * The leaders' state of the producers of these partitions (KIP-664, brokers 2.8 and later; READ
   * on the topic). Partitions without a leader are left out.
   */
  describeProducers (
    partitions: ReadonlyArray<{ readonly topic: string, readonly partition: number }>
  ): Promise<readonly PartitionProducers[]>
  /** Allocates a new producer id (KIP-98), without a transactional id. */
  initProducerId (): Promise<ProducerId>

  /** Idempotent. Calls that are still running reject with CLOSED, as does every later call. */
  close (): Promise<void>
}

export interface RequestOptions {
  /** Shorter than the timeout of the client: a request without an answer by then fails. */
  readonly timeoutMs?: number
}

export interface DescribeOptions {
  /** The result has the operations that the principal may perform (KIP-430). */
  readonly withOperations?: boolean
}

export interface DescribeClusterOptions extends RequestOptions, DescribeOptions {
  /** Id of the broker to ask; undefined: the broker that the metadata call the controller. */
  readonly broker?: number | undefined
}

export interface ClusterDescription {
  /** Null before Kafka 0.10.1. Equal ids mean the same cluster, whatever the addresses. */
  readonly clusterId: string | null
  /** Broker id; -1 if there is no controller at the moment. */
  readonly controller: number
  readonly brokers: readonly BrokerDescription[]
  readonly operations?: AllowedOperations
}

/** `READ`, `DESCRIBE_CONFIGS`...; absent: not asked for, or the broker does not report them. */
export type AllowedOperations = readonly string[]

export interface BrokerDescription {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface TopicListing {
  readonly name: string
  readonly partitionCount: number
  readonly error: ReplicatorError | undefined
}

export interface TopicDescription {
  readonly name: string
  /** Base64 as Kafka prints it; a recreated topic has another id. Null before Kafka 2.8. */
  readonly topicId: string | null
  readonly internal: boolean
  /** Empty if there is an `error`: UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED... */
  readonly partitions: readonly PartitionDescription[]
  readonly operations?: AllowedOperations
  readonly error: ReplicatorError | undefined
}

export interface PartitionDescription {
  readonly partition: number
  /** Broker id; -1 if the partition has no leader at the moment. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

export interface NewTopic {
  readonly name: string
  /** -1: the broker's num.partitions (Kafka 2.4 and later). */
  readonly partitions: number
  /** -1: the broker's default.replication.factor (Kafka 2.4 and later). */
  readonly replicationFactor: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface PartitionCount {
  readonly name: string
  /** The new total count. */
  readonly partitions: number
}

export interface ChangeOptions {
  /** The cluster validates the change and answers as if it had made the change. */
  readonly validateOnly?: boolean
}

export interface TopicResult {
  readonly name: string
  readonly error: ReplicatorError | undefined
}

export interface ConfigResource {
  readonly type: 'topic' | 'broker'
  /** A topic name, or a broker id in decimal. */
  readonly name: string
}

/** The origin of a value. Only DYNAMIC_TOPIC_CONFIG means "set on this topic". */
export type ConfigSource =
  | 'DYNAMIC_TOPIC_CONFIG' | 'DYNAMIC_BROKER_CONFIG' | 'DYNAMIC_DEFAULT_BROKER_CONFIG'
  | 'STATIC_BROKER_CONFIG' | 'DEFAULT_CONFIG' | 'GROUP_CONFIG' | 'UNKNOWN_CONFIG'

export interface ConfigEntry {
  readonly name: string
  /** Null if the broker does not return it (`sensitive`) or it is not set. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly sensitive: boolean
}

export interface ConfigResult extends ConfigResource {
  readonly error: ReplicatorError | undefined
}

export interface ConfigDescription extends ConfigResult {
  readonly entries: readonly ConfigEntry[]
}

export interface ConfigChange {
  readonly operation: 'set' | 'delete' | 'append' | 'subtract'
  readonly name: string
  /** Absent for `delete`. */
  readonly value?: string
}

export interface ConfigAlteration extends ConfigResource {
  readonly changes: readonly ConfigChange[]
}

/** An ACL of a topic, in Kafka's words. */
export interface TopicAcl {
  readonly name: string
  readonly pattern: 'LITERAL' | 'PREFIXED' | 'UNKNOWN'
  /** `User:alice`. */
  readonly principal: string
  /** `*`: any. */
  readonly host: string
  /** READ, WRITE, ALL... */
  readonly operation: string
  readonly permission: 'ALLOW' | 'DENY' | 'UNKNOWN'
}

export interface AclResult {
  readonly acl: TopicAcl
  readonly error: ReplicatorError | undefined
}

export type Isolation = 'read_committed' | 'read_uncommitted'

export interface WantedOffset {
  readonly topic: string
  readonly partition: number
  /**
   * A bigint is a timestamp in milliseconds: the first record with this timestamp or a later one.
   * With read_committed, `latest` is the last stable offset, otherwise the high watermark.
   */
  readonly at: 'earliest' | 'latest' | bigint
}

export interface ListedOffset {
  readonly topic: string
  readonly partition: number
  /** -1n if there is an `error`, or no record with the wanted or a later timestamp. */
  readonly offset: bigint
  /** Of the record found by timestamp, in milliseconds; -1n otherwise. */
  readonly timestamp: bigint
  /** -1 if the broker does not report it. */
  readonly leaderEpoch: number
  readonly error: ReplicatorError | undefined
}

export interface DeleteBefore {
  readonly topic: string
  readonly partition: number
  /** Records below this offset are deleted; -1n: all up to the high watermark. */
  readonly beforeOffset: bigint
}

export interface DeletedRecords {
  readonly topic: string
  readonly partition: number
  /** The new log start offset; -1n if there is an `error`. */
  readonly logStartOffset: bigint
  readonly error: ReplicatorError | undefined
}

export interface PartitionProducers {
  readonly topic: string
  readonly partition: number
  readonly producers: readonly ActiveProducer[]
  readonly error: ReplicatorError | undefined
}

export interface ActiveProducer {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** Of its newest record, epoch ms; -1n: unknown. */
  readonly lastTimestamp: bigint
  /** First offset of its open transaction; -1n: none is open. */
  readonly transactionStart: bigint
}

export interface ProducerId {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface GroupDescription {
  readonly name: string
  /** As Kafka prints it: Stable, Empty, Dead (there is no such group), PreparingRebalance... */
  readonly state: string
  readonly members: readonly GroupMember[]
  readonly error: ReplicatorError | undefined
}

export interface GroupListings {
  readonly groups: readonly GroupListing[]
  /** The error of a broker that did not answer: the groups that it coordinates are missing. */
  readonly error: ReplicatorError | undefined
}

export interface GroupListing {
  readonly name: string
  /**
   * `consumer`; `streams` (KIP-1071); empty if offsets are committed without members; `connect`,
   * `share`...
   */
  readonly protocolType: string
  /** As Kafka prints it: Stable, Empty, Dead, PreparingRebalance... */
  readonly state: string
}

/** The committed offset of a group for a partition. */
export interface GroupOffset {
  readonly topic: string
  readonly partition: number
  /** The next offset that the group consumes. */
  readonly offset: bigint
  /** The metadata that the consumer has committed with the offset. */
  readonly metadata: string
}

export interface GroupOffsets {
  readonly name: string
  readonly offsets: readonly GroupOffset[]
  readonly error: ReplicatorError | undefined
}

export interface CommittedPartition {
  readonly topic: string
  readonly partition: number
  readonly error: ReplicatorError | undefined
}

export interface GroupMember {
  readonly memberId: string
  readonly clientId: string
  readonly host: string
}
