// Carries out what fault-policy.ts decides: asks the clusters what a decision needs, counts and
// logs what is skipped, keeps the new position and begins the partition again. A fault that no
// policy is about stays as its lane left it.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import { errorByCode } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { SkipReason, SkippedRecords } from '../observability/snapshot.ts'
import {
  judgeFault, judgeRecreated, sideOfFault, type FaultAction, type FaultPolicies, type LogRange
} from './fault-policy.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { MirroredPartition } from './partition-table.ts'
import { topicIdsOf } from './topic-ids.ts'
import type { Progress } from '../progress/progress.ts'

export interface PartitionFaultsOptions {
  readonly policies: (topic: string) => FaultPolicies
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly log: Log
  /** Whether the partition is still ours to move. */
  readonly owns: (partition: MirroredPartition) => boolean
  /** Puts the position of the partition on record. */
  readonly keep: (partition: MirroredPartition) => Promise<void>
  readonly assign: (partition: MirroredPartition, scanFrom: bigint | undefined) => void
  readonly pause: (partition: MirroredPartition) => void
  readonly problems: FlowProblems
}

type Side = 'source' | 'target'

export class PartitionFaults {
  readonly #options: PartitionFaultsOptions
  readonly #skipped = new Map<string, Map<SkipReason, bigint>>()
  readonly #again = new Map<string, bigint>()
  readonly #turns = new Map<number, Promise<void>>()
  /** What was said last of each partition: a fault that comes back is not said again. */
  readonly #said = new Map<number, string>()

  constructor (options: PartitionFaultsOptions) {
    this.#options = options
  }

  get skipped (): SkippedRecords { return this.#skipped }

  /** Records that are mirrored again because the target lost them, by topic. */
  get again (): ReadonlyMap<string, bigint> { return this.#again }

  /** Begun again now, what its lane told of its fault would be lost to the decision. */
  isSettling ({ id }: MirroredPartition): boolean { return this.#turns.has(id) }

  /** For a partition that its lane has just stopped. Never rejects. */
  async settle (partition: MirroredPartition): Promise<void> {
    await this.#inTurn(partition, async () => {
      if (partition.state !== 'faulted' || partition.verdict !== undefined) return
      const fault = { ...partition }
      const action = await this.#decide(fault)
      // Its lane may have died meanwhile: the one that takes it tells anew what it finds.
      const { code, progress, state } = partition
      const isSame = state === fault.state && code === fault.code && progress === fault.progress
      if (isSame) await this.#act(partition, action)
    })
  }

  /** The topic of this side has another id than progress speaks of: mirrors it or stops. */
  async settleRecreated (partition: MirroredPartition, side: Side, id: string): Promise<void> {
    await this.#inTurn(partition, async () => {
      if (partition.progress.topicIds?.[side] === id || partition.verdict !== undefined) return
      const log = await this.#logRange(side, partition)
      await this.#act(partition, this.#judgeRecreated(partition, side, id, log))
    })
  }

  /** The lane and the topics' refresh may tell of one event: the second finds it done. */
  async #inTurn (partition: MirroredPartition, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(partition.id)
    const turn = (before ?? Promise.resolve()).then(work).catch((thrown: unknown) => {
      const error = ReplicatorError.from(thrown)
      this.#options.log.warn({ ...fieldsOf(partition), err: error }, error.message)
      if (partition.state === 'faulted') this.#sayStopped(partition, faultOf(partition))
    })
    this.#turns.set(partition.id, turn)
    await turn
    if (this.#turns.get(partition.id) === turn) this.#turns.delete(partition.id)
  }

  async #decide (partition: MirroredPartition): Promise<FaultAction> {
    const error = faultOf(partition)
    const { errorName } = error
    if (errorName === 'INCONSISTENT_TOPIC_ID') return await this.#decideRecreated(partition)
    const side = sideOfFault(errorName)
    if (side === undefined) {
      return judgeFault({ ...partition, errorName }, this.#policiesOf(partition), {})
    }
    const id = await this.#changedId(side, partition)
    const log = await this.#logRange(side, partition)
    if (id !== undefined) return this.#judgeRecreated(partition, side, id, log)
    const logs = side === 'source'
      ? { source: log }
      : { source: await this.#logRange('source', partition), target: log }
    return judgeFault({ ...partition, errorName }, this.#policiesOf(partition), logs)
  }

  async #decideRecreated (partition: MirroredPartition): Promise<FaultAction> {
    for (const side of ['source', 'target'] as const) {
      const id = await this.#changedId(side, partition)
      if (id === undefined) continue
      return this.#judgeRecreated(partition, side, id, await this.#logRange(side, partition))
    }
    return { kind: 'leave' }
  }

  #judgeRecreated (
    partition: MirroredPartition, side: Side, id: string, log: LogRange
  ): FaultAction {
    const topic = topicOn(side, partition)
    const action = judgeRecreated(partition, this.#policiesOf(partition), { side, topic, log })
    if (action.kind !== 'resume') return action
    const topicIds = { ...action.progress.topicIds, [side]: id }
    return { ...action, progress: { ...action.progress, topicIds } }
  }

  #policiesOf ({ topic }: MirroredPartition): FaultPolicies {
    return this.#options.policies(topic)
  }

  async #act (partition: MirroredPartition, action: FaultAction): Promise<void> {
    const { assign, keep, log, owns, pause, problems } = this.#options
    if (!owns(partition)) return
    switch (action.kind) {
      case 'leave':
        this.#sayStopped(partition, faultOf(partition))
        return
      case 'stop':
        if (partition.state !== 'faulted') pause(partition)
        partition.verdict = action.error
        problems.count(action.error) // its lane has counted what it saw, not what that came to
        this.#sayStopped(partition, action.error)
        return
      case 'resume': {
        const { again, progress, scanFrom, skip } = action
        const from = partition.progress
        partition.progress = progress
        // On record first: whoever takes over after a crash must not meet the same fault again
        // and count it a second time.
        await keep(partition)
        if (skip !== undefined) {
          const { reason, records, why } = skip
          this.#count(partition.topic, reason, records)
          log.warn({
            ...fieldsOf(partition),
            reason,
            records: String(records),
            fromOffset: String(from.upstream),
            toOffset: String(progress.upstream)
          }, `${nameOf(partition)}: skipped ${records} records, going on at source offset ` +
            `${progress.upstream}: ${why}`)
        }
        if (again !== undefined) this.#sayAgain(partition, again, from)
        if (owns(partition)) assign(partition, scanFrom)
      }
    }
  }

  #count (topic: string, reason: SkipReason, records: bigint): void {
    const ofTopic = this.#skipped.get(topic) ?? new Map<SkipReason, bigint>()
    ofTopic.set(reason, (ofTopic.get(reason) ?? 0n) + records)
    this.#skipped.set(topic, ofTopic)
  }

  #sayAgain (
    partition: MirroredPartition, { records, why }: { records: bigint, why: string }, from: Progress
  ): void {
    const { topic, progress: { upstream } } = partition
    this.#again.set(topic, (this.#again.get(topic) ?? 0n) + records)
    this.#options.log.warn({
      ...fieldsOf(partition),
      records: String(records),
      fromOffset: String(from.upstream),
      toOffset: String(upstream)
    }, `${nameOf(partition)}: mirrors up to ${records} records again, after a look from source ` +
      `offset ${upstream}: ${why}`)
  }

  #sayStopped (partition: MirroredPartition, error: ReplicatorError): void {
    const { log } = this.#options
    const said = `${nameOf(partition)} stopped: ${error.message}`
    const fields = { ...fieldsOf(partition), state: 'faulted', err: error }
    if (this.#said.get(partition.id) === said) log.debug(fields, said)
    else log.error(fields, said)
    this.#said.set(partition.id, said)
  }

  /** The id of the topic, if it is another one than progress speaks of. */
  async #changedId (side: Side, partition: MirroredPartition): Promise<string | undefined> {
    const known = partition.progress.topicIds?.[side]
    const topic = topicOn(side, partition)
    const id = (await topicIdsOf(this.#options[side], [topic])).get(topic)
    return known !== undefined && id !== known ? id : undefined
  }

  async #logRange (side: Side, partition: MirroredPartition): Promise<LogRange> {
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

export function faultOf ({ code, detail }: MirroredPartition): ReplicatorError {
  return new ReplicatorError(errorByCode(code), detail)
}

function topicOn (side: Side, { remoteTopic, topic }: MirroredPartition): string {
  return side === 'source' ? topic : remoteTopic
}

function nameOf ({ partition, topic }: MirroredPartition): string {
  return `${topic}-${partition}`
}

function fieldsOf ({ partition, topic }: MirroredPartition): object {
  return { topic, partition }
}
