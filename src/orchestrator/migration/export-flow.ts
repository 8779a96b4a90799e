// Moves a flow back from Longhaul to MirrorMaker 2: writes the positions of the flow to the offsets
// topic of MirrorMaker 2, which then continues at these positions.
import { groupSize } from '../cluster/flow-group.ts'
import { TopicWriter } from '../cluster/topic-writer.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { openClusterPair } from '../flow/cluster-pair.ts'
import { encodeConnectOffset, sourceConnector } from '../mirror-maker/connect-offsets.ts'
import { keyPartition } from '../mirror-maker/key-partition.ts'
import { partitionKey, type TopicPartition } from '../progress/progress.ts'
import { readConnectPositions, type ConnectPositions } from './connect-positions.ts'
import { positionsOnRecord, refuseRunning } from './positions-on-record.ts'
import {
  aliasInConnect, connectGroupOf, connectOptions, type ImportRequest
} from './import-flow.ts'

export type ExportRequest =
  Pick<ImportRequest, 'flow' | 'names' | 'isApplied' | 'log' | 'clock'>

export interface ExportedPosition extends TopicPartition {
  /** The last mirrored source offset, as MirrorMaker 2 counts. */
  readonly offset: bigint
  /** The position that MirrorMaker 2 has on record now. */
  readonly before: bigint | undefined
}

export async function exportFlow (
  request: ExportRequest, signal: AbortSignal
): Promise<readonly ExportedPosition[]> {
  const { clock, flow, isApplied, log, names } = request
  const clusters = await openClusterPair(flow, signal)
  try {
    const { target } = clusters
    await refuseRunning(flow, target)
    refuseWorkers(await groupSize(target, connectGroupOf(flow, names)))
    const options = connectOptions(request, clusters)
    const known = await readConnectPositions(options, signal).catch(refuseMissing(options.topic))
    const onRecord = await positionsOnRecord({ flow, clusters, log, clock, signal })
    const connector = names.connector ?? sourceConnector
    const cluster = aliasInConnect(flow)
    const ofFlow = new Map(known.positions
      .filter(each => each.connector === connector && each.cluster === cluster)
      .map(each => [partitionKey(each), each.offset]))
    const exported = onRecord
      // A partition without a mirrored record has no last offset.
      .filter(({ progress }) => progress.upstream > 0n)
      .map(({ progress: { upstream }, source }): ExportedPosition =>
        ({ ...source, offset: upstream - 1n, before: ofFlow.get(partitionKey(source)) }))
    if (!isApplied) return exported
    const { client, timeoutMs, topic } = options
    const writer = new TopicWriter({ topic, client, timeoutMs, clock })
    try {
      await writer.write(exported.map(({ offset, partition, topic: name }) =>
        outgoing({ connector, cluster, topic: name, partition, offset }, known)), signal)
    } finally {
      await writer.close()
    }
    return exported
  } finally {
    await clusters.close()
  }
}

/**
 * A topic that was created under a wrong name would let MirrorMaker 2 begin without positions, so
 * the operator creates it.
 */
function refuseMissing (topic: string): (thrown: unknown) => never {
  return thrown => {
    const error = ReplicatorError.from(thrown)
    if (error.errorName !== 'UNKNOWN_TOPIC_OR_PARTITION') throw thrown
    throw new ReplicatorError(error.row, error.detail, {
      cause: error,
      action: `${error.action}. If MirrorMaker 2 has no such topic yet, create ${topic} as Kafka ` +
        'Connect does, with 25 partitions and cleanup.policy=compact, and export again'
    })
  }
}

function refuseWorkers (workers: number): void {
  if (workers === 0) return
  throw new ReplicatorError('MIRROR_MAKER_RUNS', `its group has ${workers} ` +
    `${workers === 1 ? 'worker' : 'workers'}, which keep the positions that they have read`,
  { action: 'Stop MirrorMaker 2, export, and start it again' })
}

/**
 * To the partition that already holds the key: Kafka Connect reads all partitions, and the record
 * of a key that it reads last counts.
 */
function outgoing (
  position: Parameters<typeof encodeConnectOffset>[0], known: ConnectPositions
): { readonly partition: number, readonly key: Buffer, readonly value: Buffer | null } {
  const encoded = encodeConnectOffset(position)
  const held = known.heldIn.get(String(encoded.key))
  return { ...encoded, partition: held ?? keyPartition(encoded.key, known.partitionCount) }
}
