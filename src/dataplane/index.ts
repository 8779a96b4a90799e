// The interface of the native data plane: the only module that uses the addon. Native errors are
// thrown or rejected as {code, detail}; callers convert them.
import {
  brokerCounters, laneCounters, partitionCounters, type forwarderSettings
} from './contract/contract-table.ts'
import { loadAddon } from './load-addon.ts'

export type ForwarderSettings = Readonly<Record<keyof typeof forwarderSettings, number>>
export type ClientProperties = Readonly<Record<string, string>>

/** The two ends of a flow. */
export type Side = 'source' | 'target'

/** The configuration of a Forwarder. It can be posted to a worker. */
export interface ForwarderConfig {
  /** librdkafka properties of the source and the target client. */
  readonly source: ClientProperties
  readonly target: ClientProperties
  readonly settings: ForwarderSettings
  /** The flow's producer id on the target (invariant A); -1n: the target has none. */
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface PartitionAssignment {
  /** The caller's handle, unique in the flow, below 2^31. */
  readonly id: number
  readonly topic: string
  readonly remoteTopic: string
  readonly partition: number
  /** Next upstream offset, next downstream offset, and records appended so far, mod 2^31. */
  readonly upstream: bigint
  readonly downstream: bigint
  readonly sequence: number
  /** Of the batch before `upstream`, -1: not known. */
  readonly leaderEpoch: number
  /** The id of the source topic, as Kafka prints it; undefined if the brokers have no ids. */
  readonly topicId?: string
  /** The same for the remote topic. */
  readonly remoteTopicId?: string
  /** Where the target's log begins now, if progress is before that offset. */
  readonly scanFrom?: bigint
  /** Index into batchings of the contract, 0 if undefined. */
  readonly batching?: number
}

/** What is known of the flows that write into the source cluster (core/known_producers.h). */
export interface ProducersAnswer {
  /** The newest question of the lane when the reading began; 0n: none. */
  readonly question: bigint
  /** All ids that were ever recorded: a batch with any other id is an application's. */
  readonly inbound: readonly InboundProducer[]
}

export interface InboundProducer {
  readonly producerId: bigint
  /** False: its batches are forwarded. */
  readonly isLeftOut: boolean
}

export interface StateEvent {
  readonly id: number
  /** Index into partitionStates. */
  readonly state: number
  /** Error code of the state, or of the error that is retried; 0: none. */
  readonly code: number
  readonly detail: string
  /** Faulted: the source offset after the part that cannot be mirrored, -1n: not known. */
  readonly skipTo: bigint
  /** How many records a skip to `skipTo` leaves out, at most. */
  readonly skipRecords: bigint
  /** Leader epoch of the batch before `skipTo`, -1: not known. */
  readonly skipEpoch: number
  /** The lane has released the partition: the progress sent with or before this is final. */
  readonly released: boolean
}

export interface NativeEvents {
  readonly states: readonly StateEvent[]
  /**
   * Rows of five: id, upstream offset, downstream offset, sequence, leader epoch (-1: not known).
   * One row for each leader epoch; the last row is the newest.
   */
  readonly progress: BigInt64Array
  /**
   * Rows of six: id and an OffsetSpan (offsets/offset-map.ts). The spans of all records that the
   * progress covers come with it or before it.
   */
  readonly spans: BigInt64Array
  /** Syslog levels: 3 error, 4 warning, 6 info. */
  readonly logs: ReadonlyArray<{ readonly level: number, readonly text: string }>
  readonly logsLost: bigint
  /** The lane's newest question about producers, 0n: none since the events were taken last. */
  readonly question: bigint
}

export interface NativeStats {
  /** Columns of laneCounters. */
  readonly lane: BigInt64Array
  /** True: all partitions have rows; false: only those that have changed. */
  readonly isWhole: boolean
  /** Rows of partitionCounters. */
  readonly partitions: BigInt64Array
  /** Rows of two: quietNode, and when that broker last answered, epoch ms. */
  readonly quietAnswers: BigInt64Array
  /** Rows of brokerCounters. */
  readonly brokers: BigInt64Array
  /** Records by latency bucket. */
  readonly latency: BigInt64Array
  readonly latencySumMs: bigint
  /** Rows of two: error code, count. */
  readonly errors: BigInt64Array
}

/** What a lane may fetch. */
export interface LaneBandwidth {
  /** 0: no limit. */
  readonly bytesPerSecond: number
  /** Topics of the source that may have a share of that only. */
  readonly topics: ReadonlyArray<{ readonly topic: string, readonly bytesPerSecond: bigint }>
}

export interface Forwarder {
  /** Replaces partitions with the same ids: so a faulted partition is retried. */
  assign (assignments: readonly PartitionAssignment[]): void
  /** Waits for the batches in flight, then reports a released event with the final progress. */
  revoke (ids: readonly number[]): void
  /** With the setting judgesProducers, batches of unknown producers wait for this call. */
  knowProducers (answer: ProducersAnswer): void
  /** From now on. */
  limitBandwidth (
    bytesPerSecond: LaneBandwidth['bytesPerSecond'], topics: LaneBandwidth['topics']
  ): void
  /** For SASL OAUTHBEARER: connections wait for the first token. */
  setToken (side: Side, token: string): void
  takeEvents (): NativeEvents
  /** `isWhole`: all partitions, not only those that have changed since the last call. */
  stats (isWhole: boolean): NativeStats
  /** Idempotent. Batches that are still in flight may or may not reach the target. */
  close (): Promise<void>
}

export interface NativeAdmin {
  call (name: string, args: object, timeoutMs: number): Promise<unknown>
  /** For SASL OAUTHBEARER: connections wait for the first token. */
  setToken (token: string): void
  close (): Promise<void>
}

export interface MockTopic {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
}

/** librdkafka's mock cluster, inside this process. Times are milliseconds, ids broker ids. */
export interface MockCluster {
  bootstrapServers (): string
  createTopic (topic: MockTopic): void
  setPartitionLeader (move: { topic: string, partition: number, broker: number }): void
  setBrokerDown (which: { broker: number }): void
  setBrokerUp (which: { broker: number }): void
  setBrokerRoundTrip (which: { broker: number, milliseconds: number }): void
  setBrokerRack (which: { broker: number, rack: string }): void
  /** The brokers no longer offer this kind of request. */
  hideRequest (which: { apiKey: number }): void
  pushRequestErrors (errors: { apiKey: number, codes: readonly number[] }): void
  close (): void
}

interface Addon {
  readonly librdkafkaVersion: string
  readonly endProcess: (code: number) => never
  readonly sendDatagram: (path: string, text: string) => number
  readonly ForwarderObject: new (config: object, onReady: OnReady) => Forwarder
  readonly AdminObject: new (properties: ClientProperties) => NativeAdmin
  readonly MockClusterObject:
    new (config: { brokers: number, topics: readonly MockTopic[] }) => MockCluster
}

const addon = loadAddon() as Addon

export const librdkafkaVersion = addon.librdkafkaVersion

/** Ends the process at once, without cleaning up, whatever state its threads are in. */
export function endProcess (code: number): never {
  return addon.endProcess(code)
}

/** One datagram to a Unix socket; `@` begins an abstract name. Never waits; 0 or the errno. */
export function sendDatagram (path: string, text: string): number {
  return addon.sendDatagram(path, text)
}

/**
 * Called when there are events, and once more before takeEvents() if an urgent event is added: a
 * state or a log line, but not progress.
 */
export type OnReady = (isUrgent: boolean) => void

export function openForwarder (config: ForwarderConfig, onReady: OnReady): Forwarder {
  const settings = Object.fromEntries(
    Object.entries(config.settings).map(([name, value]) => [name, BigInt(value)]))
  return new addon.ForwarderObject({ ...config, settings }, onReady)
}

export function openAdmin (properties: ClientProperties): NativeAdmin {
  return new addon.AdminObject(properties)
}

export function openMockCluster (
  config: { brokers: number, topics: readonly MockTopic[] }
): MockCluster {
  return new addon.MockClusterObject(config)
}

export type PartitionCounters = Readonly<Record<keyof typeof partitionCounters, bigint>>
export type LaneCounters = Readonly<Record<keyof typeof laneCounters, bigint>>

export type BrokerCounters = Readonly<Record<keyof typeof brokerCounters, bigint>>

const readBrokers = rowReader(brokerCounters)
const readPartitions = rowReader(partitionCounters)
const readLanes = rowReader(laneCounters)

/** Decodes a column of a row only when it is read: few of thousands of rows are ever read. */
export function decodePartitions (stats: NativeStats): readonly PartitionCounters[] {
  return readPartitions(stats.partitions)
}

export function decodeBrokers (stats: NativeStats): readonly BrokerCounters[] {
  return readBrokers(stats.brokers)
}

export function decodeLane (stats: NativeStats): LaneCounters {
  const [row] = readLanes(stats.lane)
  if (row === undefined) throw new TypeError('lane statistics without a row')
  return row
}

function rowReader<Column extends string> (
  table: Readonly<Record<Column, string>>
): (values: BigInt64Array) => ReadonlyArray<Readonly<Record<Column, bigint>>> {
  const columns = Object.keys(table)
  class Row {
    readonly values: BigInt64Array
    readonly start: number

    constructor (values: BigInt64Array, start: number) {
      this.values = values
      this.start = start
    }
  }
  for (const [i, column] of columns.entries()) {
    Object.defineProperty(Row.prototype, column, {
      get (this: Row): bigint { return this.values[this.start + i] ?? 0n }
    })
  }
  return values => Array.from({ length: values.length / columns.length }, (_, row) =>
    new Row(values, row * columns.length) as unknown as Readonly<Record<Column, bigint>>)
}
