// The records of MirrorMaker 2's internal topics, byte for byte as its classes Heartbeat,
// Checkpoint and OffsetSync write and read them: MirrorClient, RemoteClusterUtils and Kafka's
// record formatters read the records of Longhaul, and Longhaul reads the records of MirrorMaker 2.
import { StructReader, StructWriter } from './kafka-struct.ts'

/**
 * A record of the topic `heartbeats` on the target: at this time the flow source -> target was
 * alive.
 */
export interface Heartbeat {
  readonly sourceAlias: string
  readonly targetAlias: string
  /** Epoch ms. */
  readonly timestampMs: number
}

/** The offset at which a consumer group of the source would continue in the remote topic. */
export interface Checkpoint {
  readonly group: string
  /** The name on the target. */
  readonly topic: string
  readonly partition: number
  readonly upstream: bigint
  readonly downstream: bigint
  readonly metadata: string
}

/** The source record at `upstream` is on the target at `downstream`. */
export interface OffsetSync {
  /** The name on the source. */
  readonly topic: string
  readonly partition: number
  readonly upstream: bigint
  readonly downstream: bigint
}

export interface InternalRecord {
  readonly key: Buffer
  readonly value: Buffer
}

const version = 0

export function encodeHeartbeat (heartbeat: Heartbeat): InternalRecord {
  const { sourceAlias, targetAlias, timestampMs } = heartbeat
  return {
    key: new StructWriter().string(sourceAlias).string(targetAlias).bytes(),
    value: new StructWriter().int16(version).int64(BigInt(timestampMs)).bytes()
  }
}

export function decodeHeartbeat (record: InternalRecord): Heartbeat {
  const key = new StructReader(record.key, 'the key of a heartbeat')
  const value = new StructReader(record.value, 'the value of a heartbeat')
  value.version()
  return {
    sourceAlias: key.string('sourceClusterAlias'),
    targetAlias: key.string('targetClusterAlias'),
    timestampMs: Number(value.int64('timestamp'))
  }
}

export function encodeCheckpoint (checkpoint: Checkpoint): InternalRecord {
  const { downstream, group, metadata, partition, topic, upstream } = checkpoint
  return {
    key: new StructWriter().string(group).string(topic).int32(partition).bytes(),
    value: new StructWriter()
      .int16(version).int64(upstream).int64(downstream).string(metadata).bytes()
  }
}

export function decodeCheckpoint (record: InternalRecord): Checkpoint {
  const key = new StructReader(record.key, 'the key of a checkpoint')
  const value = new StructReader(record.value, 'the value of a checkpoint')
  value.version()
  return {
    group: key.string('group'),
    topic: key.string('topic'),
    partition: key.int32('partition'),
    upstream: value.int64('upstreamOffset'),
    downstream: value.int64('offset'),
    metadata: value.string('metadata')
  }
}

/** Unlike heartbeats and checkpoints, an offset sync has no version. */
export function encodeOffsetSync (sync: OffsetSync): InternalRecord {
  const { downstream, partition, topic, upstream } = sync
  return {
    key: new StructWriter().string(topic).int32(partition).bytes(),
    value: new StructWriter().int64(upstream).int64(downstream).bytes()
  }
}

export function decodeOffsetSync (record: InternalRecord): OffsetSync {
  const key = new StructReader(record.key, 'the key of an offset sync')
  const value = new StructReader(record.value, 'the value of an offset sync')
  return {
    topic: key.string('topic'),
    partition: key.int32('partition'),
    upstream: value.int64('upstreamOffset'),
    downstream: value.int64('offset')
  }
}
