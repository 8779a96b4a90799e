// Lanes as a flow uses them: started, commanded, lost and restarted, closed.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { decodePartitions, type NativeEvents } from '../../../src/dataplane/index.ts'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { LanePool } from '../../../src/orchestrator/lanes/lane-pool.ts'
import { openMockCluster } from '../../../src/dataplane/index.ts'
import { systemClock, type Clock } from '../../../src/orchestrator/time/clock.ts'
import {
  assignments, forwarderConfig, partitions, topic
} from '../../dataplane/create-forwarder.ts'
import { eventually } from '../../kafka/eventually.ts'
import { ManualClock } from '../time/manual-clock.ts'

const mortalLane = new URL('./mortal-lane.js', import.meta.url)

interface PoolFixture {
  readonly pool: LanePool
  readonly events: Array<{ lane: number, events: NativeEvents }>
  readonly ended: Array<{ lane: number, error: ReplicatorError }>
  readonly started: number[]
  readonly overloaded: ReplicatorError[]
}

function createPool (
  t: TestContext, { clock = systemClock, lanes, source, target, program }:
  { clock?: Clock, lanes: number, source: string, target: string, program?: URL }
): PoolFixture {
  const events: PoolFixture['events'] = []
  const ended: PoolFixture['ended'] = []
  const started: number[] = []
  const overloaded: ReplicatorError[] = []
  const pool = new LanePool({
    lanes,
    config: forwarderConfig(source, target),
    clientId: 'longhaul-A-B',
    ...(program === undefined ? {} : { program }),
    clock,
    onEvents: (lane, reported) => { events.push({ lane, events: reported }) },
    onEnded: (lane, error) => { ended.push({ lane, error }) },
    onStarted: lane => { started.push(lane) },
    onOverloaded: error => { overloaded.push(error) }
  })
  t.after(async () => { await pool.close() })
  return { pool, events, ended, started, overloaded }
}

function createMockPair (t: TestContext): { source: string, target: string } {
  const topics = [{ name: topic, partitions, replicationFactor: 1 }]
  const [source, target] = [0, 1].map(() => openMockCluster({ brokers: 1, topics }))
  t.after(() => {
    source?.close()
    target?.close()
  })
  return { source: source?.bootstrapServers() ?? '', target: target?.bootstrapServers() ?? '' }
}

describe('a pool of lanes', () => {
  test('assigns each lane its own partitions and releases them', async t => {
    const { pool, events } = createPool(t, { lanes: 2, ...createMockPair(t) })
    await pool.start()
    for (const assignment of assignments()) pool.assign(assignment.id, [assignment])
    const held = async (lane: number): Promise<readonly bigint[]> => {
      const stats = await pool.stats(lane, true)
      return stats === undefined ? [] : decodePartitions(stats).map(({ id }) => id)
    }
    assert.deepEqual([await held(0), await held(1)], [[0n], [1n]])
    pool.revoke(0, [0])
    await eventually('lane 0 releases its partition', () => events.some(({ lane, events }) =>
      lane === 0 && events.states.some(({ id, released }) => id === 0 && released)))
  })

  test('returns no statistics once it is closed, and may be closed twice', async t => {
    const { pool } = createPool(t, { lanes: 1, ...createMockPair(t) })
    await pool.start()
    await pool.close()
    await pool.close()
    assert.equal(await pool.stats(0, true), undefined)
    assert.equal(pool.stateOf(0).state, 'stopped')
  })

  test('restarts a lane that ended, reports it, and does not touch the other one', async t => {
    const { ended, pool, started } = createPool(
      t, { lanes: 2, source: 'a', target: 'b', program: mortalLane })
    await pool.start()
    pool.revoke(1, [7])
    await eventually('the lane runs again', () => started.length === 1)
    assert.deepEqual(started, [1])
    assert.equal(ended[0]?.lane, 1)
    assert.equal(ended[0]?.error.errorName, 'LANE_LOST')
    assert.match(ended[0]?.error.message ?? '', /it crashed/)
    const states = [0, 1].map(lane => pool.stateOf(lane))
    assert.deepEqual(states.map(({ state }) => state), ['running', 'running'])
    assert.deepEqual(states.map(({ incarnation }) => incarnation), [1, 2])
  })

  // Otherwise a thread that does not process its messages would delay every reader of figures, and
  // the end of the flow.
  // A lane starts without a limit: it would fetch as fast as it can after its restart.
  test('limits a lane that is restarted as before', async t => {
    const { events, pool, started } = createPool(
      t, { lanes: 1, source: 'a', target: 'b', program: mortalLane })
    const limits = (): readonly bigint[] => events.map(({ events: { question } }) => question)
    await pool.start()
    const topics = [{ topic: 'big', bytesPerSecond: 7n }]
    pool.limitBandwidth(0, { bytesPerSecond: 5_000, topics })
    pool.limitBandwidth(0, { bytesPerSecond: 5_000, topics: [...topics] })
    await eventually('the limit', () => limits().length === 1)
    pool.revoke(0, [7])
    await eventually('the lane runs again', () => started.length === 1)
    await eventually('the limit of the restarted lane', () => limits().length === 2)
    pool.limitBandwidth(0, { bytesPerSecond: 0, topics: [] })
    await eventually('the end of the limit', () => limits().length === 3)
    assert.deepEqual(limits(), [5_007n, 5_007n, 0n])
  })

  test('does not wait for the figures of a lane that does not answer, and reports it', async t => {
    const clock = new ManualClock()
    const { overloaded, pool } = createPool(
      t, { clock, lanes: 1, source: 'a', target: 'b', program: mortalLane })
    await pool.start()
    const stats = pool.stats(0, true)
    await clock.advance(6_000)
    assert.equal(await stats, undefined)
    assert.equal(await pool.stats(0, true), undefined)
    assert.deepEqual(overloaded.map(({ errorName }) => errorName),
      ['LANE_OVERLOADED', 'LANE_OVERLOADED'])
    assert.match(overloaded[0]?.message ?? '', /lane 0 has not answered/)
  })

  test('does not start when a lane cannot open, with the native reason', async t => {
    const { pool } = createPool(
      t, { lanes: 1, source: 'nowhere', target: 'b', program: mortalLane })
    await assert.rejects(pool.start(), /no such place for longhaul-A-B-lane-0/)
  })
})
