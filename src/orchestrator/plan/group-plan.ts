// The offsets of consumer groups that a flow would commit on its target now, and why it would
// commit none for the other groups. Changes nothing.
import type { TranslatedOffset } from '../groups/group-offset-rules.ts'
import { GroupOffsetSync } from '../groups/group-offset-sync.ts'
import { GroupPositions } from '../groups/group-positions.ts'
import { positionsOnRecord } from '../migration/positions-on-record.ts'
import { withRefinement } from '../offsets/offset-refinement.ts'
import { partitionKey } from '../progress/progress.ts'
import type { FlowLook } from './flow-check.ts'

export interface PlannedGroup {
  readonly group: string
  readonly commits: readonly TranslatedOffset[]
  readonly why: string
}

export interface GroupPlan {
  /** Why no offsets are committed at all; undefined: they are. */
  readonly off: string | undefined
  readonly groups: readonly PlannedGroup[]
  readonly shareGroups: readonly string[]
  readonly failures: readonly string[]
}

/** Where groups of the source continue by the positions on record, while any process may run. */
export async function groupPositionsOnRecord (
  look: Pick<FlowLook, 'clock' | 'clusters' | 'config' | 'log' | 'signal'>
): Promise<GroupPositions> {
  const { clock, clusters: { source }, config } = look
  const onRecord = new Map((await positionsOnRecord({ ...look, flow: config }))
    .map(each => [partitionKey(each.source), each.progress]))
  return new GroupPositions({
    source,
    filter: () => config.groups,
    selection: () => config.topics,
    progressOf: async () => onRecord,
    refreshMs: () => undefined,
    withRefinement: async work => { await withRefinement(config, clock, work) },
    clock
  })
}

export async function planGroups (look: FlowLook): Promise<GroupPlan> {
  const { clusters: { target }, config, config: { settings }, signal } = look
  if (!settings['sync.group.offsets.enabled'] ||
    settings['sync.group.offsets.interval.seconds'] < 0) {
    const off = 'sync.group.offsets.enabled=false'
    return { off, groups: [], shareGroups: [], failures: [] }
  }
  const sync = new GroupOffsetSync({ target, positions: await groupPositionsOnRecord(look) })
  const { due, failures, groups, shareGroups, withMembers } = await sync.planOnce(signal)
  const commits = new Map(due.map(({ group, offsets }) => [group, offsets]))
  return {
    off: undefined,
    groups: groups.map(group => {
      const offsets = commits.get(group) ?? []
      const topics = new Set(offsets.map(({ topic }) => topic)).size
      const why = offsets.length > 0
        ? `${offsets.length} offsets in ${topics} topics of ${config.target.alias}`
        : withMembers.includes(group)
          ? `none: it has members on ${config.target.alias}, which commit for themselves`
          : 'none now: no record that it has read is mirrored, or its target offsets are as far'
      return { group, commits: offsets, why }
    }),
    shareGroups,
    failures: failures.map(({ message }) => message)
  }
}
