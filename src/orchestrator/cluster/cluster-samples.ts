// The requests of commands that examine a cluster before a start: samples of batches, the request
// versions of a broker, and the time of its controller. Each goes to one broker.
import type { batchReasons } from '../../dataplane/contract/contract-table.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'

/** Why a batch does not pass as it is. */
export type BatchReason = (typeof batchReasons)[number]

export interface ClusterSamples {
  /**
   * One Fetch to the leader `node`, whose first batches are judged as a lane judges them. Of all
   * partitions but the first, the answer may leave out a batch that is larger than `bytesMax`.
   */
  sampleBatches (request: SampleRequest): Promise<BatchSample>
  /** The versions of requests whose bytes Longhaul writes itself. */
  requestVersions (node: number): Promise<readonly RequestVersion[]>
  /** The clock of the active controller (KRaft, brokers from 3.3 on; DESCRIBE on the cluster). */
  controllerTime (node: number): Promise<ControllerTime>
}

export interface SampleRequest {
  readonly node: number
  /** For each partition. */
  readonly bytesMax: number
  /** For each partition; 0: only the size and the duration of the answer are wanted. */
  readonly batchesMax: number
  readonly partitions: readonly SampledPartition[]
}

export interface SampledPartition {
  readonly topic: string
  readonly partition: number
  /** The sample begins with the batch that holds this offset. */
  readonly offset: bigint
  /** max.message.bytes of the remote topic; 0: unknown. */
  readonly batchBytesMax: number
  readonly keepsProducerTimestamps: boolean
}

export interface BatchSample {
  /** For how long the broker asks its client to send nothing: a quota is exhausted. */
  readonly throttleMs: number
  /** Of the whole answer. */
  readonly bytes: number
  readonly elapsedMs: number
  readonly partitions: readonly PartitionSample[]
}

export interface PartitionSample {
  readonly topic: string
  readonly partition: number
  readonly batches: readonly SampledBatch[]
  readonly error: ReplicatorError | undefined
}

export interface SampledBatch {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  /** -1: unknown without decompression (old message format). */
  readonly records: number
  readonly bytes: number
  /** Largest timestamp of its records, epoch ms. */
  readonly maxTimestamp: bigint
  readonly magic: number
  /** As in compression.type; `none`: not compressed. */
  readonly codec: string
  /** `drop`: control batches, aborted transactions, and batches that compaction has emptied. */
  readonly action: 'pass' | 'reencode' | 'drop'
  readonly reason: BatchReason
}

export interface RequestVersion {
  /** Kafka's name of the request. */
  readonly name: string
  /** The range that Longhaul can send. */
  readonly min: number
  readonly max: number
  /** The highest version that both support, -1: none. */
  readonly version: number
}

export interface ControllerTime {
  /** The node id of the active controller. */
  readonly controller: number
  /** Its clock when it answered, epoch ms. */
  readonly timeMs: number
}
