// Opens the objects by which a flow knows the flows that write into its source. Only a flow that
// keeps names, or has its own names for topics, needs them: other remote topics show by their names
// where they came from.
import { groupOf } from '../cluster/flow-group.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowConfig, FlowEnd } from '../config/config.ts'
import { InboundFlows, type InboundCluster } from '../inbound/inbound-flows.ts'
import { InboundTopics } from '../inbound/inbound-topics.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log } from '../observability/log.ts'
import type { FlowProgress } from '../progress/flow-progress.ts'
import { isIdempotent } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { ClusterPair } from './cluster-pair.ts'
import { FlowsBack, type FlowsBackOptions } from './flows-back.ts'

/** What every part of a flow needs. */
export interface FlowContext {
  readonly config: FlowConfig
  readonly clusters: ClusterPair
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface FlowInboundOptions extends FlowContext {
  readonly progress: FlowProgress
  readonly lanes: () => LanePool | undefined
  readonly fail: (error: ReplicatorError) => void
  readonly problems: FlowProblems
}

/**
 * Undefined for a flow that leaves out records that came from its target, and for a flow whose
 * topic names show where a topic came from.
 */
export function openFlowsBack (
  options: FlowContext & Pick<FlowsBackOptions, 'announced'>
): FlowsBack | undefined {
  const { announced, clock, clusters, config, log, signal } = options
  const { name, policy, settings, source, target } = config
  const { clusterId } = clusters.targetDescription
  const hidesSource = policy.keepsNames
    ? !settings['same.names.both.ways']
    : settings['topic.rename'].length > 0
  if (!hidesSource || clusterId === null) return undefined
  return new FlowsBack({
    name,
    source,
    target: { alias: target.alias, clusterId },
    open: onRecord => new InboundTopics({
      admin: clusters.source,
      client: source.admin,
      group: groupOf(name),
      timeoutMs: settings['admin.timeout.ms'],
      onRecord,
      clock
    }),
    announced,
    log,
    clock,
    signal
  })
}

/** Undefined for a flow that renames topics, or from whose target no flow leads back. */
export function openFlowInbound (options: FlowInboundOptions): InboundFlows | undefined {
  const { clock, clusters, config, fail, lanes, log, problems, progress, signal } = options
  if (!config.policy.keepsNames || !config.settings['same.names.both.ways']) return undefined
  if (!isIdempotent(progress.producer)) {
    throw new ReplicatorError('PRODUCER_ID_MISSING', `${config.name}: ${config.target.alias} ` +
      'has no idempotent producers, and the flow keeps the names of topics both ways',
    { setting: 'same.names.both.ways' })
  }
  const end = (
    { admin: client, alias }: FlowEnd, admin: ClusterAdmin, clusterId: string | null
  ): InboundCluster => ({
    alias,
    clusterId: clusterId ?? alias,
    topics: new InboundTopics({
      admin,
      client,
      group: groupOf(config.name),
      timeoutMs: config.settings['admin.timeout.ms'],
      clock
    })
  })
  return new InboundFlows({
    name: config.name,
    source: end(config.source, clusters.source, clusters.sourceDescription.clusterId),
    target: end(config.target, clusters.target, clusters.targetDescription.clusterId),
    keepCarried: async carried => { await progress.keepCarried(carried, signal) },
    answer: ({ incarnation, lane }, answer) => {
      lanes()?.knowProducers(lane, incarnation, answer)
    },
    onKnown: () => { lanes()?.tellInbound() },
    onError: error => { problems.warn(error, 'source') },
    onRing: fail,
    log,
    clock,
    signal
  })
}
