// The limit of the bandwidth of a flow in one of its processes: from file and order, by slots and
// lanes.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ThrottleRecord } from '../../../src/orchestrator/control/control-record.ts'
import type { LaneCounters } from '../../../src/dataplane/index.ts'
import { FlowBandwidth } from '../../../src/orchestrator/flow/flow-bandwidth.ts'
import type { TopicPlacement } from '../../../src/orchestrator/partitions/topic-lanes.ts'
import { ManualClock } from '../time/manual-clock.ts'

interface Figures { fetched: number, waited: number }

class Process {
  readonly clock = new ManualClock()
  readonly limits = [-1, -1]
  readonly figures: Figures[] = [{ fetched: 0, waited: 0 }, { fetched: 0, waited: 0 }]
  readonly topics: Array<readonly string[]> = []
  readonly shares = new Map<string, number>()
  placements: readonly TopicPlacement[] = []
  holds = 0
  owned = 4
  fileLimit = 1_000_000
  order: ThrottleRecord | undefined
  readonly bandwidth = new FlowBandwidth({
    limitOfFile: () => this.fileLimit,
    order: () => this.order,
    slots: () => ({ owned: this.owned, total: 8 }),
    lanes: {
      size: 2,
      limitBandwidth: (lane, { bytesPerSecond, topics }) => {
        this.limits[lane] = bytesPerSecond
        this.topics[lane] = topics.map(each => `${each.topic} ${each.bytesPerSecond}`)
      }
    },
    shareOf: topic => this.shares.get(topic) ?? 100,
    placements: () => this.placements,
    countersOf: lane => {
      const { fetched = 0, waited = 0 } = this.figures[lane] ?? {}
      return {
        fetchResponseBytes: BigInt(fetched), bandwidthWaitMs: BigInt(waited),
        bandwidthHolds: BigInt(this.holds)
      } as unknown as LaneCounters
    },
    clock: this.clock
  })

  /** One second, in which the lanes fetched so many bytes, and waited or did not. */
  async second (
    ...lanes: ReadonlyArray<readonly [fetched: number, waited: number]>
  ): Promise<readonly number[]> {
    for (const [lane, [fetched, waited]] of lanes.entries()) {
      const figures = this.figures[lane]
      if (figures === undefined) continue
      figures.fetched += fetched
      figures.waited += waited
    }
    await this.clock.advance(1_000)
    this.bandwidth.look()
    return [...this.limits]
  }
}

function orderOf (bytesPerSecond: number | undefined): ThrottleRecord {
  return { kind: 'throttle', bytesPerSecond, by: 'ann', atMs: 0, reason: 'a test' }
}

describe('the bandwidth of a flow', () => {
  test('is shared by the slots of the processes, and by what lanes fetch', async () => {
    const process = new Process()
    process.bandwidth.look()
    assert.deepEqual(process.limits, [250_000, 250_000])
    const [busy = 0, idle = 0] = await process.second([250_000, 800], [0, 0])
    assert.ok(busy > 400_000 && busy + idle <= 500_000, `${busy} and ${idle}`)
    assert.deepEqual(process.bandwidth.snapshot, { bytesPerSecond: 1_000_000, isWaiting: true })
    process.owned = 8
    assert.deepEqual(await process.second([500_000, 100], [500_000, 100]), [500_000, 500_000])
  })

  test('is that of an order, also if the order is that there is no limit', async () => {
    const process = new Process()
    process.order = orderOf(80_000)
    assert.deepEqual(await process.second([0, 0], [0, 0]), [20_000, 20_000])
    process.order = orderOf(0)
    assert.deepEqual(await process.second([0, 50], [0, 50]), [0, 0])
    assert.deepEqual(process.bandwidth.snapshot, { bytesPerSecond: 0, isWaiting: false })
    process.order = undefined
    assert.deepEqual(await process.second([0, 0], [0, 0]), [250_000, 250_000])
  })

  // Regression: each slot that a process acquired looked at the counters again. Between two answers
  // of the lanes all of them seemed idle, and the flow not to wait for its limit.
  test('is divided as before while lanes have not answered again', async () => {
    const process = new Process()
    process.bandwidth.look()
    const shares = await process.second([250_000, 800], [0, 0])
    process.bandwidth.apply()
    assert.deepEqual(process.limits, shares)
    assert.equal(process.bandwidth.snapshot.isWaiting, true)
    process.owned = 8
    process.bandwidth.apply()
    const [busy = 0, other = 0] = process.limits
    assert.ok(busy > 800_000 && busy + other <= 1_000_000, `${busy} and ${other}`)
  })

  test('of a process without slots is the share of one', async () => {
    const process = new Process()
    process.owned = 0
    assert.deepEqual(await process.second([0, 0], [0, 0]), [62_500, 62_500])
  })

  // The counters of a lane that was restarted begin at 0.
  test('outlives the restart of a lane', async () => {
    const process = new Process()
    await process.second([900_000, 500], [900_000, 500])
    process.figures[0] = { fetched: 0, waited: 0 }
    const [restarted = 0, other = 0] = await process.second([0, 0], [250_000, 500])
    assert.ok(restarted > 0 && restarted + other <= 500_000)
  })

  // Each process computes its part from the partitions that it has: together they have the share.
  test('bounds a topic that has a share, by the partitions that a lane mirrors', async () => {
    const process = new Process()
    process.shares.set('big', 40)
    const others = new Map([[0, 2], [1, 2]])
    process.placements = [
      { topic: 'big', partitions: 8, lanes: new Map([[0, 3]]) },
      { topic: 'whole', partitions: 4, lanes: others }
    ]
    await process.second([0, 0], [0, 0])
    assert.deepEqual(process.topics, [['big 150000'], ['big 50000']])
    process.order = orderOf(100_000)
    process.bandwidth.apply()
    assert.deepEqual(process.topics, [['big 15000'], ['big 5000']])
    process.order = orderOf(0)
    process.bandwidth.apply()
    assert.deepEqual(process.topics, [[], []])
  })

  test('waits while a partition waits for the share of its topic', async () => {
    const process = new Process()
    await process.second([0, 0], [0, 0])
    assert.equal(process.bandwidth.snapshot.isWaiting, false)
    process.holds++
    await process.second([0, 0], [0, 0])
    assert.equal(process.bandwidth.snapshot.isWaiting, true)
    await process.second([0, 0], [0, 0])
    assert.equal(process.bandwidth.snapshot.isWaiting, false)
  })
})
