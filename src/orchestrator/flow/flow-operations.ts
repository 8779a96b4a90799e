// What an operator may ask of a running flow: its processes, duties, groups and orders in force; to
// write an order for all processes; to wait until all is mirrored that the source holds now.
import type { FlowConfig } from '../config/config.ts'
import type { TopicSettings } from '../config/config-table.ts'
import type { FlowMember, Order } from '../control/control-record.ts'
import { resumeDoubtOf } from '../control/control-state.ts'
import type { FlowControl } from '../control/flow-control.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { GroupPosition } from '../groups/group-positions.ts'
import type { DutyStatus } from '../ownership/duties.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import { untilCaughtUp, type CaughtUp } from './caught-up.ts'
import type { OpenParts } from './flow-parts.ts'
import { positionsOf } from './flow-positions.ts'
import { doubtOf, refuseSkip } from './flow-records.ts'

/** The translated offsets of consumer groups, as the owner of slot 0 has read them last. */
export interface GroupReading {
  readonly atMs: number
  readonly positions: readonly GroupPosition[]
}

export interface FlowReport {
  /** All live processes, this one included. */
  readonly members: readonly FlowMember[]
  /** Task slots: the partitions of the progress topic. */
  readonly slots: number
  /** The name of this process among them. */
  readonly memberName: string
  readonly orders: FlowControl['state']
  /** Of this process. */
  readonly duties: readonly DutyStatus[]
  /** Undefined: this process does not read the groups. */
  readonly groups: GroupReading | undefined
  /** How the lanes send the batches of a topic. */
  readonly batchingOf: (topic: string) => TopicSettings['batching']
}

export interface FlowOperations {
  report (): FlowReport
  /**
   * Resolves once the order is on record, or with isDryRun once it is checked; with what the
   * operator may not expect: the topic is not mirrored, or other pauses stay in force.
   */
  order (order: Order, isDryRun: boolean): Promise<string | undefined>
  caughtUp (topic: string | undefined, timeoutMs: number, signal: AbortSignal): Promise<CaughtUp>
}

export interface FlowOperationsOptions {
  readonly config: () => FlowConfig
  readonly parts: OpenParts
  readonly memberName: string
  readonly groups: () => GroupReading | undefined
  readonly clock: Clock
  /** The stop of the flow. */
  readonly signal: AbortSignal
}

/** A target that hangs must not hold a caller for longer. */
const orderMsMax = 15_000

export function operationsOf (options: FlowOperationsOptions): FlowOperations {
  const { clock, config, groups, memberName, parts, signal } = options
  const { clusters, control, duties } = parts
  const positions: Parameters<typeof untilCaughtUp>[0]['positionsOf'] = async (wanted, aborted) =>
    await positionsOf(wanted, { ...parts, slots: config().settings['task.slots'] }, aborted)
  return {
    report: () => ({
      members: control.members,
      slots: config().settings['task.slots'],
      memberName,
      orders: control.state,
      duties: duties.statuses,
      groups: groups(),
      batchingOf: topic => config().ofTopic(topic).batching
    }),
    order: async (order, isDryRun) => {
      const wait = new Deadline(clock, orderMsMax)
      const bound = AbortSignal.any([signal, wait.signal])
      try {
        if (order.kind === 'skip') {
          const [progress] = (await positions([order.source], bound)).values()
          await unlessAborted(bound, refuseSkip(order, progress, clusters))
        }
        const doubt = 'scope' in order
          ? await unlessAborted(bound, doubtOf(order.scope, config(), clusters))
          : undefined
        const left = order.kind === 'pause' && !order.isPaused
          ? resumeDoubtOf(order.scope, control.state.pauses)
          : undefined
        if (!isDryRun) await control.say(order, bound)
        return [doubt, left].filter(each => each !== undefined).join('; ') || undefined
      } catch (thrown) {
        if (!wait.signal.aborted) throw thrown
        throw new ReplicatorError('PROGRESS_UNWRITABLE',
          `${config().name}: the clusters did not answer within ${orderMsMax / 1000} s`,
          { cause: thrown })
      } finally {
        wait.cancel()
      }
    },
    caughtUp: async (topic, timeoutMs, ended) => await untilCaughtUp({
      source: clusters.source,
      selection: parts.topics.selection,
      isolation: config().settings['isolation.level'],
      topic,
      timeoutMs,
      positionsOf: positions,
      clock,
      signal: AbortSignal.any([signal, ended])
    })
  }
}
