// How long which partitions may be stalled because of which fault: the rows of the fault table,
// with the leaders, mirror processes and group coordinator at the time when the fault begins.
import { topicOn } from '../../test/kafka/broker-view.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { coordinatorOf } from '../../test/kafka/consumer-group.ts'
import { remoteTopic } from './chaos-contender.ts'
import { coordinatorLost, faultRow, type Scope, type AllowedStall } from './fault-table.ts'
import type { Excuse } from './liveness.ts'
import type { MirrorMember } from './mirror-member.ts'
import { allPartitions, loadedTopics, partitionName, recreatedTopic } from './numbered-load.ts'
import type { ClusterSide, PlannedFault } from './schedule.ts'

export interface ExcuseBookOptions {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  readonly members: ReadonlyArray<Pick<MirrorMember, 'owned'>>
  /** The consumer group of the flow; undefined: another kind of mirror, without a group. */
  readonly group: string | undefined
  /** Milliseconds since the start of the run. */
  readonly nowMs: () => number
}

type Scoped = Readonly<Partial<Record<Scope, ReadonlySet<string> | 'all'>>>

export class ExcuseBook {
  readonly excuses: Excuse[] = []
  readonly #options: ExcuseBookOptions

  constructor (options: ExcuseBookOptions) {
    this.#options = options
  }

  /** Call it before the fault begins; call the returned function when the fault has ended. */
  async begin (planned: PlannedFault, broker: number | undefined): Promise<() => void> {
    const scoped = await this.#scopesOf(planned, broker)
    const rows = await this.#rowsOf(planned, broker)
    const fromMs = this.#options.nowMs()
    const excuse = (row: AllowedStall, from: number, to: number): void => {
      const partitions = row.scope === 'all' ? 'all' : scoped[row.scope] ?? 'all'
      this.excuses.push({ fault: planned.fault, fromMs: from, toMs: to, partitions })
    }
    for (const row of rows.filter(({ span }) => span === 'begin')) {
      excuse(row, fromMs, fromMs + row.seconds * 1000)
    }
    return () => {
      const endMs = this.#options.nowMs()
      for (const row of rows.filter(({ span }) => span !== 'begin')) {
        excuse(row, row.span === 'both' ? fromMs : endMs, endMs + row.seconds * 1000)
      }
    }
  }

  async #rowsOf (
    { fault, subject }: PlannedFault, broker: number | undefined
  ): Promise<readonly AllowedStall[]> {
    const { source, target, group } = this.#options
    const rows = faultRow(fault).allowedStalls
    if (broker === undefined || subject.kind === 'process' || subject.kind === 'topic') return rows
    const cluster = subject.side === 'source' ? source : target
    // Without a replica no other broker can lead: the partitions wait for this broker.
    const own = cluster.brokers.length > 1
      ? rows
      : rows.map(row => row.scope === 'led' ? { ...row, span: 'both' as const } : row)
    if (subject.side === 'source' || group === undefined) return own
    const coordinator = await coordinatorOf(target, group).catch(() => undefined)
    if (coordinator?.id !== broker) return own
    // A coordinator behind a faulty link remains the coordinator.
    return [...own, { ...coordinatorLost, span: subject.kind === 'link' ? 'both' : 'begin' }]
  }

  async #scopesOf (planned: PlannedFault, broker: number | undefined): Promise<Scoped> {
    const { subject } = planned
    switch (subject.kind) {
      case 'topic': return { meant: new Set(allPartitions([recreatedTopic])) }
      case 'process': return { owned: await this.#stoppedWith(subject.index) }
      default: {
        const [first] = loadedTopics
        const meant = new Set(first === undefined ? [] : [partitionName(first.name, 0)])
        return { meant, led: await this.#ledBy(subject.side, broker ?? 0) }
      }
    }
  }

  /**
   * The partitions that the process mirrors, and those that no other process mirrors. The group
   * waits for the session of each dead member, so the process may also own slots that it has not
   * acquired: slots that were just assigned to it, or that the group assigns before it detects that
   * the process is dead. And another process may still count partitions of this one as its own: it
   * was frozen, and drains slots that the group has assigned to other processes since.
   */
  async #stoppedWith (index: number): Promise<ReadonlySet<string>> {
    const { members } = this.#options
    const owned = await Promise.all(members.map(async member => await member.owned()))
    const ofOthers = new Set(owned.filter((_, at) => at !== index - 1)
      .flatMap(partitions => [...partitions ?? []]))
    const own = owned[index - 1] ?? new Set()
    return new Set(allPartitions(loadedTopics).filter(partition =>
      own.has(partition) || !ofOthers.has(partition)))
  }

  async #ledBy (side: ClusterSide, broker: number): Promise<ReadonlySet<string>> {
    const cluster = this.#options[side]
    const led = await Promise.all(loadedTopics.map(async ({ name }) => {
      const view = await topicOn(cluster.anyBroker(), side === 'source' ? name : remoteTopic(name))
      return (view?.partitions ?? []).filter(({ leader }) => leader === broker)
        .map(({ partition }) => partitionName(name, partition))
    }))
    return new Set(led.flat())
  }
}

