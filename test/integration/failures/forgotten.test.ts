// A NAT or a firewall forgets an open connection: nothing arrives on it any more, not even an end.
// Every kind of connection is found to be dead and opened anew, by the defaults. librdkafka's own
// defaults took up to two minutes, longer than any session.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { HasCarried } from '../../kafka/proxy.ts'
import { apiKeyOf } from '../../kafka/request-heads.ts'
import { LoadedFlow } from '../loaded-flow.ts'
import { startClusters, type MirroredClusters } from '../mirrored-clusters.ts'

const produce = 0
const fetch = 1
const metadata = 3
const heartbeat = 12
const topic = 'forgotten'

const carries = (apiKey: number, text: string): HasCarried => heads =>
  heads.some(head => apiKeyOf(head) === apiKey && head.includes(text))

/** By what only this kind sends to that cluster. */
const kinds: ReadonlyArray<
  readonly [name: string, side: 'source' | 'target', isOfKind: HasCarried]
> = [
  ['the group', 'target', carries(heartbeat, 'longhaul.east->west')],
  ['writing progress', 'target', carries(produce, 'longhaul-progress.east.internal')],
  ['reading progress', 'target', carries(fetch, 'longhaul-progress')],
  ['the admin client', 'target', carries(metadata, 'longhaul-admin')],
  // By their client: Produce and Fetch name topics by their ids.
  ['a lane that produces', 'target', carries(produce, 'longhaul-east-west-lane')],
  ['a lane that fetches', 'source', carries(fetch, 'longhaul-east-west-lane')]
]

/** Promised are 15 s; the machine may be busy with other things. */
const foundMsMax = 30_000

describe('a connection that is forgotten', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({ proxied: true }, { proxied: true }) })
  after(async () => { await clusters.close() })

  test('is opened anew, whatever it is for, and no record is lost', async t => {
    const { source, target } = clusters
    const flow = await LoadedFlow.create(t, clusters, topic, { partitions: 2 }, {
      'east.bootstrap.servers': source.proxiedBootstrapServers,
      'west.bootstrap.servers': target.proxiedBootstrapServers
    })
    const mirror = await flow.start()
    await flow.more(mirror)
    for (const [name, side, isOfKind] of kinds) {
      const [proxy] = clusters[side].proxies
      assert.ok(proxy)
      await mirror.until(`a connection of ${name}`, () => proxy.countOf(isOfKind) > 0)
      const forgottenMs = performance.now()
      proxy.forget(isOfKind)
      assert.equal(proxy.countOf(isOfKind), 0)
      await mirror.until(`another connection of ${name}`, () => proxy.countOf(isOfKind) > 0,
        foundMsMax)
      t.diagnostic(`${name}: ${Math.round(performance.now() - forgottenMs)} ms`)
    }
    await flow.more(mirror)
    await flow.finish(mirror)
    assert.equal((await mirror.stop()).code, 0)
  })
})
