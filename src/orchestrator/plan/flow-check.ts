// What both clusters of a flow and its progress topic say before a start: the topics that would be
// mirrored, problems, and the differences from MirrorMaker 2 that matter. Changes nothing.
// `validate` reports it; `plan` adds what a start would change.
import { checkCanary } from '../canary/canary-duty.ts'
import { groupOf } from '../cluster/flow-group.ts'
import type { FlowConfig } from '../config/config.ts'
import type { Side } from '../config/property-path.ts'
import type { Difference } from '../config/differences.ts'
import { expiryRemarks } from '../config/certificates.ts'
import { metDifferences } from '../config/met-differences.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { refuseMixedBootstrap } from '../flow/bootstrap-clusters.ts'
import { clusterRemarks, type ClusterPair } from '../flow/cluster-pair.ts'
import { openFlowsBack } from '../flow/flow-inbound.ts'
import type { FlowsBack } from '../flow/flows-back.ts'
import type { TargetClaims } from '../flow/target-claims.ts'
import { topicOptions } from '../flow/topic-options.ts'
import { checkCheckpoints, writesCheckpoints } from '../groups/checkpoint-duty.ts'
import { checkHeartbeats } from '../heartbeats/heartbeat-duty.ts'
import { positionsOnRecord } from '../migration/positions-on-record.ts'
import type { Log } from '../observability/log.ts'
import { checkOffsetSyncs } from '../offset-syncs/offset-sync-duty.ts'
import { heartbeatsTopic } from '../policy/replication-policy.ts'
import { checkFlowProgress } from '../progress/flow-progress.ts'
import type { Clock } from '../time/clock.ts'
import { unlessAborted } from '../time/deadline.ts'
import { occupiedTopics } from '../topics/occupied-topics.ts'
import { checkTopics, type TopicCheck } from '../topics/topic-check.ts'
import type { PlannedTopic, TopicProblem } from '../topics/topic-plan.ts'
import { reasonOf, settingRemarks } from '../topics/topic-remarks.ts'
import { replacedTopics } from './replaced-topics.ts'

/** What a command examines: one flow of a file. */
export interface FlowLook {
  readonly config: FlowConfig
  readonly clusters: ClusterPair
  /** All flows of the file. */
  readonly flows: readonly FlowConfig[]
  readonly claims: TargetClaims
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface FlowCheck {
  readonly config: FlowConfig
  readonly check: TopicCheck
  readonly progress: ProgressCheck
  readonly remarks: readonly string[]
  /** Topics of the flow itself that a cluster would refuse; the remarks name the errors. */
  readonly refused: readonly RefusedTopic[]
  /** The differences from MirrorMaker 2 that matter for this file. */
  readonly differences: readonly Difference[]
}

export interface RefusedTopic {
  readonly side: Side
  readonly topic: string
  readonly error: ReplicatorError
}

/** The problem of a flow's progress topic; with an error the flow would not start. */
export interface ProgressCheck {
  readonly error: ReplicatorError | undefined
  readonly warnings: readonly ReplicatorError[]
}

export interface FlowCheckOptions {
  /** The positions of MirrorMaker 2 are imported next: its records on the target are expected. */
  readonly isBeforeImport?: boolean | undefined
}

/** Rejects if the whole flow cannot be checked. */
export async function checkFlow (
  look: FlowLook, { isBeforeImport = false }: FlowCheckOptions = {}
): Promise<FlowCheck> {
  const { claims, clock, clusters, config, flows, signal } = look
  await refuseMixedBootstrap(config, clusters, signal)
  const flowsBack = await lookBack(look)
  const check = await checkTopics(topicOptions({ claims, clusters, config, flowsBack, signal }))
  const refused = await unlessAborted(signal, refusedTopics(look))
  const remarks = [
    ...settingRemarks(config, check.onSource), ...clusterRemarks(config, clusters, claims),
    ...[config.source, config.target].flatMap(end => expiryRemarks(end, clock.now())),
    ...refused.map(({ error }) => error.message)
  ]
  const progress = await checkProgress(look)
  const stopping = progress.error === undefined && !isBeforeImport
    ? await stoppingTopics(look, check.topics)
    : []
  const leftOut = check.leftOut.map(({ topic }) => topic)
  return {
    config,
    check: { ...check, problems: [...check.problems, ...stopping] },
    progress,
    remarks,
    refused,
    differences: metDifferences(config, flows, leftOut)
  }
}

/** Tries what the duties of the flow would create, each on its cluster. */
async function refusedTopics (
  { clusters, config }: FlowLook
): Promise<readonly RefusedTopic[]> {
  const { canary, heartbeats, offsetSyncs, policy, settings } = config
  type Tried = readonly [side: Side, topic: string, check: Promise<ReplicatorError | undefined>]
  const tried: readonly Tried[] = [
    ...heartbeats.map((pair): Tried =>
      [pair.side, heartbeatsTopic, checkHeartbeats(pair, clusters[pair.side])]),
    ...!settings['emit.offset-syncs.enabled'] ? [] : [[offsetSyncs.side, offsetSyncs.topic,
      checkOffsetSyncs(config, clusters[offsetSyncs.side])] as const],
    ...!writesCheckpoints(config) ? [] : [['target', policy.checkpointsTopic,
      checkCheckpoints(config, clusters.target)] as const],
    ...canary === undefined ? [] : [['source', canary.topic,
      checkCanary({ config, ...canary }, clusters.source)] as const]
  ]
  return (await Promise.all(tried.map(async ([side, topic, check]) => {
    const error = await check
    return error === undefined ? [] : [{ side, topic, error }]
  }))).flat()
}

/** Topics whose partitions would stop at a start. */
async function stoppingTopics (
  look: FlowLook, topics: readonly PlannedTopic[]
): Promise<readonly TopicProblem[]> {
  const { clusters, config } = look
  const onRecord = await positionsOnRecord({ ...look, flow: config })
  const occupied = config.settings['target.not.empty'] === 'stop'
    ? await occupiedTopics(topics, clusters.target, onRecord.map(({ source }) => source))
    : []
  return [...await replacedTopics(topics, onRecord, config, clusters), ...occupied]
}

/** Whether everything that the file names would be mirrored. */
export function isAsAsked ({ check, config }: Pick<FlowCheck, 'check' | 'config'>): boolean {
  return check.problems.length === 0 && namedInVain(config, check).length === 0
}

/** Topics that the setting `topics` names and the flow does not mirror, with the reason. */
export function namedInVain (
  { source, target, topics }: FlowConfig, { leftOut, unknown }: TopicCheck
): ReadonlyArray<{ readonly topic: string, readonly reason: string }> {
  const named = new Set(topics.filter.names)
  return [
    ...leftOut.filter(({ topic }) => named.has(topic)).map(({ topic, verdict }) =>
      ({ topic, reason: reasonOf(verdict, source.alias, target.alias) })),
    ...unknown.map(topic => ({ topic, reason: `${source.alias} shows no topic of this name` }))
  ]
}

/** The flows that bring topics back, at this moment. */
async function lookBack (
  { clock, clusters, config, log, signal }: FlowLook
): Promise<FlowsBack | undefined> {
  const flowsBack = openFlowsBack(
    { config, clusters, announced: async () => {}, log, clock, signal })
  try {
    await flowsBack?.look()
  } finally {
    await flowsBack?.close()
  }
  return flowsBack
}

async function checkProgress (
  { clock, clusters: { sourceDescription, target }, config, log, signal }: FlowLook
): Promise<ProgressCheck> {
  const warnings: ReplicatorError[] = []
  try {
    await checkFlowProgress({
      config,
      target,
      sourceClusterId: sourceDescription.clusterId,
      group: groupOf(config.name),
      onWarning: warning => { warnings.push(warning) },
      log,
      clock,
      signal
    })
    return { error: undefined, warnings }
  } catch (thrown) {
    return { error: ReplicatorError.from(thrown), warnings }
  }
}
