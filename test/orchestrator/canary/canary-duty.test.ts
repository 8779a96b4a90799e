// The canary of a flow whose mirror is this test: it copies records from one log to the other.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canaryDuty, checkCanary } from '../../../src/orchestrator/canary/canary-duty.ts'
import { CanaryFigures } from '../../../src/orchestrator/canary/canary-figures.ts'
import type { ListedOffset, WantedOffset } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import type { TakeRecord } from '../../../src/orchestrator/cluster/topic-reader.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { Duty } from '../../../src/orchestrator/ownership/duties.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

const intervalMs = 1_000
const parsed = parseConfig(`
  clusters = east, west
  east.bootstrap.servers = localhost:1
  west.bootstrap.servers = localhost:2
  east->west.enabled = true
  canary.enabled = true
  canary.interval.ms = ${intervalMs}
  canary.late.ms = 3000
`)
const config = parsed.ok ? parsed.config.flows[0] ?? assert.fail() : assert.fail()
const topics = config.canary ?? assert.fail()

/** Partition 0 of a topic; `undefined` at an offset without a record. */
class Log {
  readonly values: Array<Buffer | undefined> = []
  error: ReplicatorError | undefined

  readonly read = async (_partition: number, from: bigint | undefined, take: TakeRecord) => {
    if (this.error !== undefined) throw this.error
    const begin = from !== undefined && from <= this.values.length ? Number(from) : 0
    this.values.slice(begin).forEach((value, i) => {
      if (value !== undefined) take(null, value, BigInt(begin + i), undefined)
    })
    return BigInt(this.values.length)
  }
}

class World {
  readonly source = new Log()
  readonly target = new Log()
  readonly cluster = new FakeCluster()
  readonly clock = new ManualClock()
  readonly events: string[] = []
  isPaused = false
  writeError: ReplicatorError | undefined
  /** How many records of the source the mirror has copied. */
  #copied = 0
  #owners = 0

  createOwner (): { duty: Duty, figures: CanaryFigures, run: () => Promise<void> } {
    const figures = new CanaryFigures()
    const logOf = (side: 'source' | 'target'): Log => this[side]
    const admin = (log: Log) => ({
      describeTopics: this.cluster.describeTopics.bind(this.cluster),
      createTopics: this.cluster.createTopics.bind(this.cluster),
      // As librdkafka, which refuses a request that names a partition twice.
      listOffsets: async ([wanted, ...others]: readonly WantedOffset[]) => {
        assert.equal(others.length, 0)
        const offset = wanted?.at === 'earliest' ? 0n : BigInt(log.values.length)
        return [{ offset } as unknown as ListedOffset]
      }
    })
    const duty = canaryDuty({
      ...topics,
      config,
      slot: 0,
      source: admin(this.source),
      target: admin(this.target),
      openWriter: () => ({
        write: async records => {
          if (this.writeError !== undefined) throw this.writeError
          for (const { value } of records) this.source.values.push(value ?? undefined)
        },
        close: async () => {}
      }),
      openReader: (side, topic) => {
        this.events.push(`reads ${topic}`)
        return {
          read: logOf(side).read,
          close: async () => { this.events.push(`closes ${topic}`) }
        }
      },
      writer: () => `owner-${++this.#owners}`,
      isPaused: () => this.isPaused,
      onCreated: () => { this.events.push('created') },
      figures,
      clock: this.clock
    })
    const run = async (): Promise<void> => {
      const running = duty.run(0, new AbortController().signal)
      running.catch(() => {})
      await this.clock.advance(intervalMs)
      await running
    }
    return { duty, figures, run }
  }

  /** Copies what the source has now, but not the records at these offsets of the source. */
  mirror (...without: readonly number[]): void {
    for (; this.#copied < this.source.values.length; this.#copied++) {
      if (!without.includes(this.#copied)) this.target.values.push(this.source.values[this.#copied])
    }
  }
}

const none = { written: 0, arrived: 0, lost: 0, doubled: 0, late: 0 }

describe('the canary', () => {
  test('creates its topic, writes one record a run, and sees it arrive', async () => {
    const world = new World()
    const { figures, run } = world.createOwner()
    for (let round = 0; round < 3; round++) {
      const running = run()
      await world.clock.advance(100)
      world.mirror()
      await running
    }
    assert.deepEqual(world.cluster.created, [{
      name: 'longhaul-canary.west.internal', partitions: 1, replicationFactor: 3,
      configs: { 'cleanup.policy': 'delete', 'retention.ms': '86400000' }
    }])
    assert.equal(world.events.filter(event => event === 'created').length, 1)
    const { counts, latency, lastArrivalMs, outstandingMs } = figures.snapshot()
    assert.deepEqual(counts, { ...none, written: 3, arrived: 3 })
    assert.equal(latency.counts.reduce<number>((sum, count) => sum + Number(count), 0), 3)
    assert.ok(Number(latency.sumMs) >= 300 && Number(latency.sumMs) < 3 * intervalMs)
    assert.equal(outstandingMs, 0)
    assert.ok(lastArrivalMs !== undefined && lastArrivalMs <= world.clock.now())
  })

  test('counts what is lost and doubled once, also over a hand-over', async () => {
    const world = new World()
    const first = world.createOwner()
    await first.run()
    world.mirror()
    await first.run()
    world.mirror(1)
    await first.run()
    world.mirror()
    await first.run()
    await first.duty.end?.(0)
    assert.deepEqual(first.figures.snapshot().counts, { ...none, written: 5, arrived: 2, lost: 1 })
    assert.equal(first.figures.snapshot().outstandingMs, undefined)
    assert.deepEqual(world.events.slice(-2),
      [`closes ${topics.topic}`, `closes ${topics.remoteTopic}`])
    // The next owner doubles the last record, as after a crash.
    const second = world.createOwner()
    world.target.values.push(world.target.values.at(-1))
    world.mirror()
    await second.run()
    world.mirror()
    await second.run()
    assert.deepEqual(second.figures.snapshot().counts,
      { ...none, written: 2, arrived: 3, doubled: 1 })
  })

  test('counts a record that does not arrive as late, but not during a pause', async () => {
    const world = new World()
    const { figures, run } = world.createOwner()
    await run()
    world.mirror()
    await run()
    assert.deepEqual(figures.snapshot().counts, { ...none, written: 2, arrived: 1 })
    world.isPaused = true
    for (let round = 0; round < 10; round++) await run()
    assert.deepEqual(figures.snapshot().counts, { ...none, written: 2, arrived: 1 })
    world.isPaused = false
    for (let round = 0; round < 3; round++) await run()
    assert.equal(figures.snapshot().counts.late, 1)
    assert.ok((figures.snapshot().outstandingMs ?? 0) >= 3_000)
    world.mirror()
    await run()
    assert.deepEqual(figures.snapshot().counts, { ...none, written: 6, arrived: 5, late: 1 })
  })

  test('writes no more while a thousand records are outstanding', async () => {
    const world = new World()
    const { run } = world.createOwner()
    await run()
    world.mirror()
    world.source.values.push(...Array.from({ length: 1_200 }, (_, id) =>
      Buffer.from(JSON.stringify({ id: `other ${id}` }))))
    await run()
    const before = world.source.values.length
    await run()
    assert.equal(world.source.values.length, before)
  })

  test('begins anew after its topic was recreated', async () => {
    const world = new World()
    const { figures, run } = world.createOwner()
    for (let round = 0; round < 3; round++) {
      await run()
      world.mirror()
    }
    world.source.values.length = 0
    await run()
    await run()
    assert.deepEqual(figures.snapshot().counts.lost, 0)
  })

  test('still sees what arrives while the source refuses its records, and says why', async () => {
    const world = new World()
    const { figures, run } = world.createOwner()
    await run()
    world.writeError = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', 'no')
    world.mirror()
    await assert.rejects(run(), (error: ReplicatorError) => {
      assert.equal(error.errorName, 'CANARY_REFUSED')
      assert.match(error.message, /Grant CREATE, WRITE and READ on topic longhaul-canary\.west\./)
      assert.match(error.message, /or set east->west\.canary\.enabled=false to write none/)
      return true
    })
    assert.deepEqual(figures.snapshot().counts, { ...none, written: 1, arrived: 1 })
  })

  test('does not call a record late because the target does not answer the canary', async () => {
    const world = new World()
    const { figures, run } = world.createOwner()
    await run()
    world.mirror()
    await run()
    world.target.error = new ReplicatorError('TIMED_OUT', 'no answer')
    for (let round = 0; round < 5; round++) {
      await assert.rejects(run(), { errorName: 'TIMED_OUT' })
    }
    world.target.error = undefined
    world.mirror()
    await run()
    assert.equal(figures.snapshot().counts.late, 0)
    assert.equal(figures.snapshot().counts.arrived, 7)
  })

  test('is checked without a change: a source that refuses the topic is named', async () => {
    const cluster = new FakeCluster()
    cluster.createError = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', 'no')
    const error = await checkCanary({ config, ...topics }, cluster.admin())
    assert.equal(error?.errorName, 'CANARY_REFUSED')
    cluster.createError = undefined
    assert.equal(await checkCanary({ config, ...topics }, cluster.admin()), undefined)
  })
})
