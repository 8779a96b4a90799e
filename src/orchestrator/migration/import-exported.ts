// Puts exported positions on record for a flow that has none: after its progress topic was lost, or
// under another name. As with positions of MirrorMaker 2, the target is compared with the source
// record by record, so that records that were mirrored after the export are not mirrored twice.
import type { FlowConfig } from '../config/config.ts'
import { openClusterPair } from '../flow/cluster-pair.ts'
import type { Log } from '../observability/log.ts'
import { mappedTo } from '../offsets/offset-map.ts'
import { partitionKey } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import type { ExportedPosition } from './exported-positions.ts'
import { comparePositions, refuseKnown } from './import-flow.ts'
import type { ImportPlan, LeftOutPosition, PlannedPosition } from './import-plan.ts'
import {
  deletePositions, refuseRunning, topicsOfToday, writePositions, type NewPosition,
  type OnRecordOptions
} from './positions-on-record.ts'

export interface ImportExportedRequest {
  readonly flow: FlowConfig
  readonly exported: readonly ExportedPosition[]
  /** Whether positions are written; otherwise only a plan is made from the present clusters. */
  readonly isApplied: boolean
  /** Whether the contents of the progress topic are deleted first. */
  readonly isForced: boolean
  /** Whether the target is trusted to hold the records although its topic has another id. */
  readonly trustsTarget: boolean
  readonly log: Log
  readonly clock: Clock
  readonly onProgress: (text: string) => void
}

export async function importExported (
  request: ImportExportedRequest, signal: AbortSignal
): Promise<ImportPlan> {
  const { clock, exported, flow, isApplied, isForced, log } = request
  const clusters = await openClusterPair(flow, signal)
  try {
    const at: OnRecordOptions = { flow, clusters, log, clock, signal }
    await refuseRunning(flow, clusters.target)
    if (!isForced) await refuseKnown(at)
    const known = new Map(exported.map(each => [partitionKey(each), each]))
    const compared = await comparePositions(exported.map(({ partition, topic, upstream }) =>
      ({ connector: '', cluster: '', topic, partition, offset: upstream - 1n })),
    request, clusters, signal)
    const today = await topicsOfToday(compared.positions, clusters)
    const reasonOf = (each: PlannedPosition): string | undefined => {
      const before = known.get(partitionKey(each))
      return before && reasonToLeaveOut(before, each, today(each), request)
    }
    const plan: ImportPlan = {
      positions: compared.positions.filter(each => reasonOf(each) === undefined),
      leftOut: [...compared.leftOut, ...compared.positions.flatMap((each): LeftOutPosition[] => {
        const reason = reasonOf(each)
        const { committed, partition, topic } = each
        return reason === undefined ? [] : [{ topic, partition, committed, reason }]
      })]
    }
    if (isApplied) {
      if (isForced) await deletePositions(at)
      await writePositions(plan.positions.map(each =>
        toNewPosition(each, known.get(partitionKey(each)), today(each))), at)
    }
    return plan
  } finally {
    await clusters.close()
  }
}

interface IdsOfToday { readonly source?: string, readonly target?: string }

/** No record is lost: a partition that is left out begins again, or target.not.empty decides. */
function reasonToLeaveOut (
  before: ExportedPosition, { remoteTopic, sourceEnd, targetEnd, topic }: PlannedPosition,
  today: IdsOfToday, { trustsTarget }: ImportExportedRequest
): string | undefined {
  const { downstream, topicIds, upstream } = before
  if (isAnother(topicIds.source, today.source)) {
    return `${topic} was recreated on the source since the export`
  }
  if (upstream > sourceEnd) return `the source ends at offset ${sourceEnd}`
  if (trustsTarget) return undefined
  if (isAnother(topicIds.target, today.target)) {
    return `${remoteTopic} was recreated on the target since the export; --trust-target ` +
      'continues in the new topic, and mirrors no earlier records to it'
  }
  return targetEnd < downstream
    ? `${remoteTopic} ends at offset ${targetEnd}, and at the export it ended at ${downstream}: ` +
      'the records between are missing; --trust-target continues without them'
    : undefined
}

function isAnother (before: string | undefined, now: string | undefined): boolean {
  return before !== undefined && now !== undefined && before !== now
}

/** With the offset map of the export, if that map belongs to the target's present topic. */
function toNewPosition (
  { found, partition, remoteTopic, targetEnd, topic, upstream }: PlannedPosition,
  before: ExportedPosition | undefined, today: IdsOfToday
): NewPosition {
  const progress = { upstream, downstream: targetEnd, sequence: 0 }
  const names = { topic, remoteTopic, partition }
  if (before === undefined || before.downstream > targetEnd || before.upstream > upstream ||
    isAnother(before.topicIds.target, today.target)) return { ...names, progress }
  const offsets = mappedTo(before.map, { ...before, sequence: 0 },
    { ...progress, sequence: Number(found % sequences) })
  return { ...names, progress: { ...progress, offsets } }
}

const sequences = 2n ** 31n
