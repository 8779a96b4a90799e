// A NAT or a firewall forgets an open connection: no more bytes arrive on it, not even an end. With
// the defaults every kind of connection is detected as dead and reopened. librdkafka's defaults
// needed up to two minutes, longer than any session.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { HasCarried } from '../../kafka/proxy.ts'
import { apiKeyOf } from '../../kafka/request-heads.ts'
import { LoadedFlow } from '../loaded-flow.ts'
import { startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { measureLoad } from './machine-load.ts'

const produce = 0
const fetch = 1
const metadata = 3
const heartbeat = 12
const topic = 'forgotten'

const carries = (apiKey: number, text: string): HasCarried => heads =>
  heads.some(head => apiKeyOf(head) === apiKey && head.includes(text))

type Kind = readonly [name: string, side: 'source' | 'target', isOfKind: HasCarried]

/**
 * Identified by requests that only this kind of connection sends to that cluster. Those of a round
 * are forgotten together: none of them waits for another one, or is idle until another one returns.
 * So a lane does not lose both sides together: without records to produce it sends nothing, and a
 * connection is only found once an answer is missing.
 */
const rounds: ReadonlyArray<readonly Kind[]> = [
  [
    ['the group', 'target', carries(heartbeat, 'longhaul.east->west')],
    ['writing progress', 'target', carries(produce, 'longhaul-progress.east.internal')],
    ['the admin client', 'target', carries(metadata, 'longhaul-admin')]
  ],
  [
    ['reading progress', 'target', carries(fetch, 'longhaul-progress')],
    // By their client ids: Produce and Fetch name topics by their ids.
    ['a lane that produces', 'target', carries(produce, 'longhaul-east-west-lane')]
  ],
  [['a lane that fetches', 'source', carries(fetch, 'longhaul-east-west-lane')]]
]

/** What the documentation promises, with the defaults. */
const foundMsMax = 15_000
/** To connect again, log in and send the request by which the test recognizes the connection. */
const reopenedMsMax = 5_000
const measureEachMs = 2_000

describe('a connection that is forgotten', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({ proxied: true }, { proxied: true }) })
  after(async () => { await clusters.close() })

  test('is reopened, whatever its kind, and no record is lost', async t => {
    const { source, target } = clusters
    const flow = await LoadedFlow.create(t, clusters, topic, { partitions: 2 }, {
      'east.bootstrap.servers': source.proxiedBootstrapServers,
      'west.bootstrap.servers': target.proxiedBootstrapServers
    })
    const mirror = await flow.start()
    await flow.more(mirror)
    const forget = async ([name, side, isOfKind]: Kind): Promise<readonly [string, number]> => {
      const [proxy] = clusters[side].proxies
      assert.ok(proxy)
      await mirror.until(`a connection of ${name}`, () => proxy.countOf(isOfKind) > 0)
      const forgottenMs = performance.now()
      proxy.forget(isOfKind)
      assert.equal(proxy.countOf(isOfKind), 0)
      await mirror.until(`another connection of ${name}`, () => proxy.countOf(isOfKind) > 0)
      return [name, Math.round(performance.now() - forgottenMs)]
    }
    for (const round of rounds) {
      const load = measureLoad(measureEachMs)
      const found = await Promise.all(round.map(forget))
      const idleMs = await load.stop()
      for (const [name, ms] of found) {
        const took = `${name}: ${ms} ms; an idle program took ${idleMs} ms`
        t.diagnostic(took)
        assert.ok(ms <= foundMsMax + reopenedMsMax + 3 * idleMs, took)
      }
      await flow.more(mirror)
    }
    await flow.finish(mirror)
    assert.equal((await mirror.stop()).code, 0)
  })
})
