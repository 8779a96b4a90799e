// The partitions of a flow of one topic, over fake clusters, a fake progress topic and lanes that
// only record the calls.
import assert from 'node:assert/strict'
import { partitionStates as laneStates } from '../../../src/dataplane/contract/contract-table.ts'
import type { PartitionAssignment, StateEvent } from '../../../src/dataplane/index.ts'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import type { TopicStarts } from '../../../src/orchestrator/config/offset-reset.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import type { LanePool } from '../../../src/orchestrator/lanes/lane-pool.ts'
import { FlowPartitions } from '../../../src/orchestrator/partitions/flow-partitions.ts'
import type { FlowPartition } from '../../../src/orchestrator/partitions/partition-table.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'
import { restoreSlots, type SlotRecord } from '../../../src/orchestrator/progress/progress-store.ts'
import type { TopicLook } from '../../../src/orchestrator/partitions/wanted-topics.ts'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'
import { recordingLog } from '../observability/recording-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

export const producer = { producerId: 7n, producerEpoch: 0 }

/** The results of a look at both clusters: the topic without or with a problem, or deleted. */
const names = { topic: 'orders', remoteTopic: 'east.orders' }
const planned = [{ ...names, sourcePartitions: 1, targetPartitions: 1 }]
const onSource = new Map([['orders', 1]])
export const orders: TopicLook = {
  topics: [{ ...names, partitions: 1 }], planned, problems: [], onSource, leftOut: []
}
export const ordersWith = (error: ReplicatorError): TopicLook =>
  ({ topics: [], planned, problems: [{ topic: 'orders', error }], onSource, leftOut: [] })
export const noTopics: TopicLook =
  { topics: [], planned: [], problems: [], onSource: new Map(), leftOut: [] }
/** The filter excludes the topic, which exists. */
export const ordersLeftOut: TopicLook =
  { ...noTopics, onSource, leftOut: [{ topic: 'orders', verdict: 'excluded' }] }

export interface PartitionsFixture {
  readonly partitions: FlowPartitions
  readonly clock: ManualClock
  readonly source: FakeCluster
  readonly target: FakeCluster
  readonly store: FakeProgressStore
  readonly assigned: PartitionAssignment[]
  /** The lanes that received the partition, and those that had to drain it. */
  readonly asked: Array<readonly [string, number]>
  readonly lines: string[]
  readonly problems: FlowProblems
  /** The reported partitions whose target has not acknowledged all batches. */
  readonly unacknowledged: FlowPartition[]
  /** The only partition. */
  readonly partition: () => FlowPartition
}

export function createPartitions (
  policy: 'stop' | 'skip' = 'skip',
  starts: TopicStarts = { of: () => 'earliest', isRelative: false }
): PartitionsFixture {
  const clock = new ManualClock()
  const source = new FakeCluster()
  const target = new FakeCluster()
  source.addTopic('orders', 1)
  target.addTopic('east.orders', 1)
  const store = new FakeProgressStore()
  const assigned: PartitionAssignment[] = []
  const asked: Array<readonly [string, number]> = []
  const lanes = {
    size: 2,
    assign: (lane: number, more: readonly PartitionAssignment[]) => {
      assigned.push(...more)
      asked.push(['assign', lane])
    },
    revoke: (lane: number) => { asked.push(['revoke', lane]) }
  } as unknown as LanePool
  const lines: string[] = []
  const log = recordingLog(lines)
  const unacknowledged: FlowPartition[] = []
  const problems = new FlowProblems({ log, clock, source: 'east', target: 'west' })
  const partitions = new FlowPartitions({
    config: configOf(policy, starts),
    source: source.admin(),
    target: target.admin(),
    progress: { write: async records => { await store.write(records) }, mend: async () => false },
    lanes,
    producer,
    restore: async slots => await restoreSlots(store, slots, producer),
    firstLookOf: async slot => (await store.read(slot)).firstLook,
    hasQueued: () => true,
    onLeaving: async () => {},
    onUnacknowledged: left => { unacknowledged.push(...left) },
    problems,
    log,
    clock
  })
  const partition = (): FlowPartition => {
    const [first] = partitions.table.values()
    assert.ok(first !== undefined, 'the table is empty')
    return first
  }
  return {
    partitions,
    clock,
    source,
    target,
    store,
    assigned,
    asked,
    lines,
    problems,
    unacknowledged,
    partition
  }
}

function configOf (policy: 'stop' | 'skip', starts: TopicStarts): FlowConfig {
  return {
    policy: { remoteTopic: (topic: string) => `east.${topic}` },
    settings: { 'task.slots': 1, 'target.not.empty': 'stop' },
    starts,
    ofTopic: () => ({
      'data.loss': policy,
      'topic.recreated': policy,
      'record.too.large': policy,
      'record.refused': policy,
      'corrupt.batch': policy
    })
  } as unknown as FlowConfig
}

/** A fixture whose partition runs in lane 0, at source offset 10. */
export async function createRunning (
  policy: 'stop' | 'skip' = 'skip'
): Promise<PartitionsFixture> {
  const fixture = createPartitions(policy)
  await fixture.partitions.setTopics(orders)
  await fixture.partitions.acquire([0])
  report(fixture, 0, laneEvent('running'), 10n)
  assert.deepEqual(fixture.asked, [['assign', 0]])
  return fixture
}

export function laneEvent (
  state: (typeof laneStates)[number], more: Partial<StateEvent> = {}
): StateEvent {
  const none = { skipTo: -1n, skipRecords: -1n, skipEpoch: -1 }
  const event = { id: 0, state: laneStates.indexOf(state), code: 0, detail: '', released: false }
  return { ...event, ...none, ...more }
}

export const released = laneEvent('stopped', { released: true })

/** The report of a lane: a state and a position. */
export function report (
  { partitions }: PartitionsFixture, lane: number, state: StateEvent, upstream?: bigint
): void {
  const progress = upstream === undefined
    ? new BigInt64Array()
    : BigInt64Array.of(BigInt(state.id), upstream, upstream, upstream, -1n)
  const spans = new BigInt64Array()
  partitions.onEvents(lane,
    { states: [state], progress, spans, logs: [], logsLost: 0n, question: 0n })
}

export function progressRecord (
  upstream: bigint, downstream: bigint, more: Partial<Progress> = {}
): SlotRecord {
  const progress = { upstream, downstream, sequence: Number(upstream), ...more }
  const { producerId } = producer
  const source = { topic: 'orders', partition: 0 }
  return { slot: 0, record: { kind: 'partition', source, progress, producerId } }
}

export const positionsOf = (assigned: readonly PartitionAssignment[]): unknown =>
  assigned.map(({ upstream, downstream, sequence }) => [upstream, downstream, sequence])
