// Decides on partitions in state `deciding`: asks the clusters for the log ranges that
// fault-policy.ts needs, and puts a new position on record before the partition moves there.
// Position, record and count are one step: a position that could not be written is not used,
// counted or logged.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import type { Side } from '../config/property-path.ts'
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Progress } from '../progress/progress.ts'
import {
  judgeFault, judgeOrder, judgeRecreated, sideOfFault, type Fault, type FaultAction,
  type FaultPolicies, type LogRange
} from './fault-policy.ts'
import type { PartitionMoves } from './partition-moves.ts'
import { positionOf, type FlowPartition, type PartitionTable } from './partition-table.ts'
import type { ChangedTopic, KnownTopicIds } from './topic-ids.ts'

export interface PartitionFaultsOptions {
  readonly policies: (topic: string) => FaultPolicies
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly topicIds: Pick<KnownTopicIds, 'learn' | 'changed' | 'complete'>
  /** A topic was recreated. Withdraw the partitions that the new topic does not have. */
  readonly onRecreated: () => void
  readonly table: Pick<PartitionTable, 'markDirty'>
  readonly moves: Pick<PartitionMoves, 'move'>
  /** Resolves once this position of the partition is on record. */
  readonly keep: (partition: FlowPartition, progress: Progress) => Promise<void>
  readonly onError: (error: ReplicatorError, partition: FlowPartition) => void
}


export class PartitionFaults {
  readonly #options: PartitionFaultsOptions
  readonly #deciding = new Map<number, Promise<void>>()

  constructor (options: PartitionFaultsOptions) {
    this.#options = options
  }

  /** For a partition that has just entered the state `deciding`. */
  begin (partition: FlowPartition): void {
    const { id } = partition
    const decision = this.#settle(partition).finally(() => {
      if (this.#deciding.get(id) === decision) this.#deciding.delete(id)
    })
    this.#deciding.set(id, decision)
  }

  /** Resolves once no decision on these partitions is under way. */
  async settled (partitions: readonly FlowPartition[]): Promise<void> {
    await Promise.all(partitions.map(async ({ id }) => { await this.#deciding.get(id) }))
  }

  async #settle (partition: FlowPartition): Promise<void> {
    const asked: FlowPartition = { ...partition }
    let error = asked.trouble?.error ?? noTrouble
    let action: FaultAction
    try {
      action = await this.#decide(asked, error)
    } catch (thrown) {
      this.#options.onError(ReplicatorError.from(thrown), partition)
      action = { kind: 'keepFaulted' }
      error = this.#undecided(asked, error)
    }
    await this.#act(partition, error, action)
  }

  /** The policy for a recreated topic is set; the decision waits only for a cluster to answer. */
  #undecided ({ topic }: FlowPartition, error: ReplicatorError): ReplicatorError {
    const isRecreated = ['INCONSISTENT_TOPIC_ID', 'TOPIC_RECREATED'].includes(error.errorName)
    if (!isRecreated || this.#options.policies(topic)['topic.recreated'] === 'stop') return error
    return new ReplicatorError(error.row, error.detail, {
      cause: error,
      action: 'Nothing to do: as topic.recreated=skip is set, the partition continues in the ' +
        'recreated topic once both clusters answer'
    })
  }

  async #act (
    partition: FlowPartition, error: ReplicatorError, action: FaultAction
  ): Promise<void> {
    const { keep, moves, onError, table, topicIds } = this.#options
    // The partition was withdrawn meanwhile: another process may own it now and write its position.
    if (partition.state !== 'deciding') return
    switch (action.kind) {
      case 'keepFaulted': moves.move(partition, { kind: 'keepFaulted', error }); return
      case 'stop': moves.move(partition, { kind: 'stop', error: action.error }); return
      case 'resume': {
        const { again, scanFrom, skip } = action
        const progress = topicIds.complete(partition, action.progress)
        // The position before this one must not be written after this one.
        table.markDirty([partition], false)
        try {
          await keep(partition, progress)
        } catch (thrown) {
          table.markDirty([partition])
          onError(ReplicatorError.from(thrown), partition)
          moves.move(partition, { kind: 'keepFaulted', error: this.#undecided(partition, error) })
          return
        }
        const scan = scanFrom === undefined ? {} : { scanFrom }
        moves.move(partition, { kind: 'resume', progress, skip, again }, scan)
      }
    }
  }

  async #decide (partition: FlowPartition, error: ReplicatorError): Promise<FaultAction> {
    const { errorName } = error
    const { order } = partition
    const isRecreated = errorName === 'TOPIC_RECREATED'
    const side = sideOfFault(errorName)
    const fault: Fault = { ...partition.report, errorName, progress: positionOf(partition) }
    const policies = this.#options.policies(partition.topic)
    const mayBeRecreated = isRecreated || recreationErrors.has(errorName)
    if (side !== undefined || mayBeRecreated || order !== undefined) {
      const { topicIds } = this.#options
      const learned = topicIds.learn([partition])
      await learned.catch(() => {})
      const changed = topicIds.changed(partition)
      // One cluster is enough to know it, even if the other one does not answer.
      if (changed !== undefined) return await this.#decideRecreated(partition, changed)
      await learned
    }
    if (order !== undefined) return judgeOrder(positionOf(partition), order)
    // The original topic, to which the progress belongs, is available again.
    if (isRecreated) return { kind: 'resume', progress: positionOf(partition) }
    if (side === undefined) return judgeFault(fault, policies, {})
    const source = await this.#logRange('source', partition)
    const logs = side === 'source'
      ? { source }
      : { source, target: await this.#logRange('target', partition) }
    return judgeFault(fault, policies, logs)
  }

  async #decideRecreated (
    partition: FlowPartition, { id, partitions, side }: ChangedTopic
  ): Promise<FaultAction> {
    this.#options.onRecreated()
    if (side === 'source' && partition.partition >= partitions) return { kind: 'keepFaulted' }
    const log = await this.#logRange(side, partition)
    const policies = this.#options.policies(partition.topic)
    const topic = topicOn(side, partition)
    const fault = { progress: positionOf(partition) }
    const action = judgeRecreated(fault, policies, { side, topic, log })
    if (action.kind !== 'resume') return action
    const topicIds = { ...action.progress.topicIds, [side]: id }
    return { ...action, progress: { ...action.progress, topicIds } }
  }

  async #logRange (side: Side, partition: FlowPartition): Promise<LogRange> {
    const of = { topic: topicOn(side, partition), partition: partition.partition }
    const at = async (at: 'earliest' | 'latest'): Promise<bigint> => {
      const [listed] = await listOffsetsPatiently(
        this.#options[side], [{ ...of, at }], 'read_uncommitted')
      if (listed === undefined || listed.error !== undefined) {
        throw listed?.error ?? new ReplicatorError('INTERNAL', 'no offset')
      }
      return listed.offset
    }
    const [start, end] = await Promise.all([at('earliest'), at('latest')])
    return { start, end }
  }
}

/** The brokers' errors for a topic or a partition that is missing after a recreation. */
const recreationErrors: ReadonlySet<string> = new Set<ErrorName>(
  ['INCONSISTENT_TOPIC_ID', 'SOURCE_PARTITION_MISSING'])

/** An operator's order needs no fault; the partition shows this error if the order fails. */
const noTrouble = new ReplicatorError('INVALID_ARGUMENT', 'the position cannot be moved')

function topicOn (side: Side, { remoteTopic, topic }: FlowPartition): string {
  return side === 'source' ? topic : remoteTopic
}
