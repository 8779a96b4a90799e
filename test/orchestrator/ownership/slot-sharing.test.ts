// Owners in one process act as processes that share a flow, on an embedded cluster: who owns which
// slot, and that a slot is released before another process acquires it.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import type { MockCluster } from '../../../src/dataplane/index.ts'
import type { ClusterAdmin } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { openClusterAdmin } from '../../../src/orchestrator/cluster/native-cluster-admin.ts'
import { openEmbeddedCluster } from '../../../src/orchestrator/cluster/native-mock-cluster.ts'
import { SlotOwnership } from '../../../src/orchestrator/ownership/slot-ownership.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { eventually } from '../../kafka/eventually.ts'
import { silentLog } from '../observability/silent-log.ts'

const slots = 8
const topic = 'longhaul-progress.east.internal'
const patient = { timeoutMs: 50_000 }

interface Owner {
  readonly name: string
  readonly ownership: SlotOwnership
}

class Fleet {
  readonly #cluster: MockCluster
  readonly #admin: ClusterAdmin
  /** The owners of a slot: two at once would be two writers of one partition. */
  readonly holders = Array.from({ length: slots }, () => new Set<string>())
  /** Moments at which a slot had two owners. */
  overlaps = 0
  readonly owners: Owner[] = []

  constructor (cluster: MockCluster, admin: ClusterAdmin) {
    this.#cluster = cluster
    this.#admin = admin
  }

  async add (name: string, { releaseMs = 0 } = {}): Promise<Owner> {
    const ownership = new SlotOwnership({
      group: 'longhaul.east->west',
      topic,
      slots,
      memberName: name,
      admin: this.#admin,
      client: {
        cluster: 'west',
        properties: { 'bootstrap.servers': this.#cluster.bootstrapServers() }
      },
      // The embedded cluster ends a rebalance a second before the session.
      sessionTimeoutMs: 6_000,
      timeoutMs: 10_000,
      work: {
        acquire: async slot => {
          this.holders[slot]?.add(name)
          if ((this.holders[slot]?.size ?? 0) > 1) this.overlaps += 1
        },
        release: async released => {
          await sleep(releaseMs)
          for (const slot of released) this.holders[slot]?.delete(name)
        },
        onError: () => {}
      },
      log: silentLog,
      clock: systemClock
    })
    const owner = { name, ownership }
    this.owners.push(owner)
    await ownership.start(new AbortController().signal)
    return owner
  }

  /** How many slots each owner has, most first, once every slot has one owner. */
  shares (): number[] | undefined {
    if (this.holders.some(({ size }) => size !== 1)) return undefined
    return this.owners.map(({ ownership }) => ownership.owned.size).sort((a, b) => b - a)
  }

  async untilShares (...wanted: readonly number[]): Promise<void> {
    await eventually(`shares of ${wanted.join(', ')}`,
      () => this.shares()?.join() === wanted.join(), patient)
  }
}

function createFleet (t: TestContext): Fleet {
  const cluster = openEmbeddedCluster(1)
  cluster.createTopic({ name: topic, partitions: slots, replicationFactor: 1 })
  const admin = openClusterAdmin({
    cluster: 'west',
    properties: { 'bootstrap.servers': cluster.bootstrapServers() },
    timeoutMs: 10_000
  })
  const fleet = new Fleet(cluster, admin)
  t.after(async () => {
    await Promise.all(fleet.owners.map(async ({ ownership }) => { await ownership.stop() }))
    await admin.close()
    cluster.close()
  })
  return fleet
}

describe('owners of slots', { timeout: 110_000, concurrency: true }, () => {
  // A rebalance of the embedded cluster needs several seconds, of real brokers about one.
  test('a second one gets half of them, all when the first stops, and none too early',
    async t => {
      const fleet = createFleet(t)
      const first = await fleet.add('first', { releaseMs: 300 })
      await fleet.untilShares(8)
      await fleet.add('second')
      await fleet.untilShares(4, 4)
      assert.equal(fleet.overlaps, 0)
      await first.ownership.stop()
      assert.equal(first.ownership.owned.size, 0)
      await fleet.untilShares(8, 0)
      assert.equal(fleet.overlaps, 0)
    })

  test('stops twice, and while it is starting', async t => {
    const fleet = createFleet(t)
    const { ownership } = await fleet.add('first')
    await ownership.stop()
    await ownership.stop()
    assert.equal(ownership.owned.size, 0)
    assert.deepEqual(fleet.holders.filter(({ size }) => size > 0), [])
  })
})
