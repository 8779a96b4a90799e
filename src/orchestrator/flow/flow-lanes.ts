// Opens the lanes of a flow: which clusters they connect to, with which producer, and which
// objects receive their reports.
import type { ForwarderConfig } from '../../dataplane/index.ts'
import { tokenError } from '../cluster/token-source.ts'
import type { FlowConfig } from '../config/config.ts'
import type { InboundFlows } from '../inbound/inbound-flows.ts'
import { LanePool } from '../lanes/lane-pool.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { ProducerIdentity } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'

export interface FlowLanesOptions {
  readonly config: FlowConfig
  readonly producer: ProducerIdentity
  /** Undefined until the partitions are open, which need the lanes. */
  readonly partitions: () => FlowPartitions | undefined
  /** Only of a flow that keeps names. */
  readonly inbound: InboundFlows | undefined
  readonly problems: FlowProblems
  readonly clock: Clock
}

export function openFlowLanes (
  { clock, config, inbound, partitions, problems, producer }: FlowLanesOptions
): LanePool {
  const { source, target, forwarder, settings } = config
  const forwarderConfig: ForwarderConfig = {
    source: source.client,
    target: target.client,
    settings: { ...forwarder, judgesProducers: inbound === undefined ? 0 : 1 },
    ...producer
  }
  const lanes = new LanePool({
    lanes: settings.lanes,
    config: forwarderConfig,
    clientId: `longhaul-${source.alias}-${target.alias}`,
    clock,
    inbound: () => inbound?.known ?? [],
    onEvents: (lane, events) => {
      partitions()?.onEvents(lane, events)
      if (events.question === 0n) return
      inbound?.ask({ lane, incarnation: lanes.stateOf(lane).incarnation }, events.question)
    },
    onEnded: (lane, error) => { partitions()?.onLaneEnded(lane, error) },
    onStarted: lane => { partitions()?.onLaneStarted(lane) },
    onOverloaded: error => { problems.warn(error) },
    onRefreshFailed: (side, error) => { problems.warn(tokenError(config[side].alias, error)) }
  })
  return lanes
}
