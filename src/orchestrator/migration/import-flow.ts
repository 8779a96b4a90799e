// Moves a flow from MirrorMaker 2 to Longhaul: waits until MirrorMaker 2 has stopped, reads its
// committed positions, finds the records that it has mirrored after them, and puts the positions on
// record.
import { groupOf, groupSize } from '../cluster/flow-group.ts'
import { flowLogReaders, uncommittedReader } from '../cluster/flow-log-readers.ts'
import type { LogReader } from '../cluster/log-reader.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { openClusterPair, type ClusterPair } from '../flow/cluster-pair.ts'
import { sourceConnector, type ConnectOffset } from '../mirror-maker/connect-offsets.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import {
  commitMark, hasCommitSince, readConnectPositions, type ConnectPositionsOptions
} from './connect-positions.ts'
import {
  deletePositions, positionsOnRecord, refuseRunning, writePositions,
  type OnRecordOptions, type NewPosition
} from './positions-on-record.ts'
import {
  comparisonsMax, planImport, type ImportPlan, type PlannedPosition
} from './import-plan.ts'
import { findTail, type TailResult } from './partition-tail.ts'
import { untilStandstill } from './standstill.ts'

/** The names under which MirrorMaker 2 runs, if they differ from its defaults. */
export interface MirrorMakerNames {
  /** Undefined: the topic of the file, or else mm2-offsets.SOURCE.internal. */
  readonly offsetsTopic?: string | undefined
  /** Undefined: MirrorSourceConnector. */
  readonly connector?: string | undefined
  /** The group of the Connect workers; undefined: that of the file, or else SOURCE-mm2. */
  readonly connectGroup?: string | undefined
}

export interface ImportRequest {
  readonly flow: FlowConfig
  readonly names: MirrorMakerNames
  /**
   * Whether positions are written; otherwise only a plan is made from MirrorMaker 2's present
   * state.
   */
  readonly isApplied: boolean
  /** Whether the contents of the progress topic are deleted first. */
  readonly isForced: boolean
  readonly quietMs: number
  readonly waitMs: number
  readonly log: Log
  readonly clock: Clock
  readonly onProgress: (text: string) => void
}

export async function importFlow (
  request: ImportRequest, signal: AbortSignal
): Promise<ImportPlan> {
  const { clock, flow, isApplied, isForced, log } = request
  const clusters = await openClusterPair(flow, signal)
  try {
    const at: OnRecordOptions = { flow, clusters, log, clock, signal }
    await refuseRunning(flow, clusters.target)
    if (!isForced) await refuseKnown(at)
    const options = connectOptions(request, clusters)
    const first = await readConnectPositions(options, signal)
    if (isApplied) await stopped(request, options, first.partitionCount, signal)
    const { positions } = isApplied ? await readConnectPositions(options, signal) : first
    const plan = await comparePositions(ofFlow(positions, request), request, clusters, signal)
    if (isApplied) {
      if (isForced) await deletePositions(at)
      await writePositions(plan.positions.map(toNewPosition), at)
    }
    return plan
  } finally {
    await clusters.close()
  }
}

export function connectOptions (
  { clock, flow, names }: Pick<ImportRequest, 'clock' | 'flow' | 'names'>,
  { target }: ClusterPair
): ConnectPositionsOptions {
  return {
    target,
    client: flow.target.admin,
    topic: offsetsTopicOf(flow, names),
    group: groupOf(flow.name),
    timeoutMs: flow.settings['admin.timeout.ms'],
    clock
  }
}

/** The topic on the target that holds the positions of MirrorMaker 2. */
export function offsetsTopicOf (
  { settings, source }: FlowConfig, names: MirrorMakerNames
): string {
  return names.offsetsTopic ??
    (settings['offset.storage.topic'] || `mm2-offsets.${source.alias}.internal`)
}

/** The group of the workers that MirrorMaker 2 runs in. */
export function connectGroupOf (
  { settings, source }: FlowConfig, names: MirrorMakerNames
): string {
  return names.connectGroup ?? (settings['group.id'] || `${source.alias}-mm2`)
}

/** MirrorMaker 2's alias of the source cluster. */
export function aliasInConnect ({ settings, source }: FlowConfig): string {
  const alias = settings['source.cluster.alias']
  return alias === '' ? source.alias : alias
}

/** Rejects if the flow has positions, because an import would mix them with others. */
export async function refuseKnown (options: OnRecordOptions): Promise<void> {
  const [known, ...others] = await positionsOnRecord(options)
  if (known === undefined) return
  const { flow } = options
  const more = others.length === 0 ? '' : ` and ${others.length} other partitions`
  throw new ReplicatorError('IMPORT_REFUSED', `${flow.name} has positions on record already: ` +
    `${known.source.topic}-${known.source.partition} at source offset ${known.progress.upstream}` +
    more, {
    action: 'If the positions to be imported are the right ones, import with --force, which ' +
      'deletes these positions first'
  })
}

async function stopped (
  request: ImportRequest, options: ConnectPositionsOptions, partitionCount: number,
  signal: AbortSignal
): Promise<void> {
  const { clock, flow, names, onProgress, quietMs, waitMs } = request
  await untilStandstill({
    mark: async () => await commitMark(options, partitionCount, clock),
    hasCommitSince: async sinceMs => await hasCommitSince(options, partitionCount, sinceMs, clock),
    workers: async () => await groupSize(options.target, connectGroupOf(flow, names)),
    quietMs,
    timeoutMs: waitMs,
    clock,
    onWait: text => { onProgress(`${flow.name}: waiting for MirrorMaker 2 to stop: ${text}`) }
  }, signal)
}

function ofFlow (
  positions: readonly ConnectOffset[], { flow, names }: ImportRequest
): readonly ConnectOffset[] {
  const wanted = names.connector ?? sourceConnector
  const alias = aliasInConnect(flow)
  const found = positions.filter(({ cluster, connector }) =>
    connector === wanted && cluster === alias)
  // Without any position MirrorMaker 2 has mirrored nothing, or has not committed it yet.
  if (found.length > 0 || positions.length === 0) return found
  const others = [...new Set(positions.map(({ cluster, connector }) =>
    `connector ${connector}, cluster ${cluster}`))]
  throw new ReplicatorError('IMPORT_REFUSED', 'the offsets topic holds no position of connector ' +
    `${wanted} and cluster ${alias}; it holds those of ${others.join('; ')}`, {
    action: 'Name the connector by --connector, the topic by --offsets-topic, and the alias of ' +
      'the source by source.cluster.alias in the file'
  })
}

export async function comparePositions (
  committed: readonly ConnectOffset[],
  { clock, flow, onProgress }: Pick<ImportRequest, 'clock' | 'flow' | 'onProgress'>,
  { source, target }: ClusterPair, signal: AbortSignal
): Promise<ImportPlan> {
  const readers = new ReaderPool(flow, clock)
  try {
    return await planImport({
      flow,
      source,
      target,
      committed,
      findTail: async partition => await readers.with(async free =>
        await findTail(partition, { ...free, target, clock }, signal)),
      clock,
      onPartition: (done, of) => {
        if (done % 100 === 0) onProgress(`${flow.name}: ${done} of ${of} partitions are compared`)
      }
    })
  } finally {
    await readers.close()
  }
}

function toNewPosition (
  { partition, remoteTopic, targetEnd, topic, upstream }: PlannedPosition
): NewPosition {
  return {
    topic, remoteTopic, partition, progress: { upstream, downstream: targetEnd, sequence: 0 }
  }
}

interface FreeReaders {
  readonly ofSource: LogReader
  readonly ofUncommitted: LogReader
  readonly ofTarget: LogReader
}

/** Readers for each comparison that runs at the same time. */
class ReaderPool {
  readonly #all: readonly FreeReaders[]
  readonly #free: FreeReaders[]

  constructor (flow: FlowConfig, clock: Clock) {
    this.#all = Array.from({ length: comparisonsMax }, () => {
      // Records of an aborted transaction are not on the target.
      const [ofSource, ofTarget] = flowLogReaders(flow, 'read_committed', clock)
      return { ofSource, ofTarget, ofUncommitted: uncommittedReader(flow, clock) }
    })
    this.#free = [...this.#all]
  }

  /** planImport() makes at most `comparisonsMax` calls at once. */
  async with (
    work: (readers: FreeReaders) => Promise<TailResult>
  ): Promise<TailResult> {
    const readers = this.#free.pop()
    if (readers === undefined) throw new Error('more comparisons than readers')
    try {
      return await work(readers)
    } finally {
      this.#free.push(readers)
    }
  }

  async close (): Promise<void> {
    await Promise.all(this.#all.flatMap(({ ofSource, ofTarget, ofUncommitted }) =>
      [ofSource, ofTarget, ofUncommitted]).map(async reader => { await reader.close() }))
  }
}
