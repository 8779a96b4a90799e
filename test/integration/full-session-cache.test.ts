// A real source broker whose cache of Fetch sessions is full (KIP-227): it evicts the sessions of
// the lanes for those of followers and refuses new ones, which costs no record and has a metric.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { BrokerAddress } from '../kafka/raw-request.ts'
import { int16, int32, requestRaw } from '../kafka/raw-request.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { startLoadedMirror } from './loaded-mirror.ts'
import type { MirrorProcess } from './mirror-process.ts'
import { startClusters } from './mirrored-clusters.ts'

/** Ten for each of the eight parts into which a broker of Kafka 4 divides its cache. */
const slots = 80
const lanes = 2
/** So many in a row show that all parts are full: each request chooses a part by chance. */
const refusalsInARow = 100

/** Fetch v7, the first one with sessions. */
const fetchApi = { key: 1, version: 7 }
/** A broker prefers sessions of followers; no broker has this id. */
const follower = 99

/** Opens a session without partitions; returns its id, 0: the broker has refused it. */
async function openSession (broker: BrokerAddress): Promise<number> {
  const [waitMs, bytesMin, bytesMax, session, epoch] = [0, 1, 1024, 0, 0]
  const isolation = Buffer.from([0])
  const answer = await requestRaw(broker, fetchApi, Buffer.concat([
    int32(follower), int32(waitMs), int32(bytesMin), int32(bytesMax), isolation,
    int32(session), int32(epoch), int32(0), int32(0)
  ]))
  // After the throttle time: the code of the error and the session.
  assert.deepEqual(answer.subarray(4, 6), int16(0))
  return answer.readInt32BE(6)
}

async function fillCache (broker: BrokerAddress): Promise<number> {
  let opened = 0
  for (let refusals = 0; refusals < refusalsInARow;) {
    if (await openSession(broker) === 0) {
      refusals++
    } else {
      refusals = 0
      opened++
    }
  }
  return opened
}

async function sumOf (
  mirror: MirrorProcess, name: string, isWanted = (_labels: string): boolean => true
): Promise<number> {
  return Object.entries(seriesOf(await mirror.metrics(), name))
    .filter(([labels]) => isWanted(labels)).reduce((sum, [, count]) => sum + count, 0)
}

test('a broker whose session cache is full evicts and refuses sessions, and loses no record',
  async (t: TestContext) => {
    const clusters = await startClusters(
      { config: { 'max.incremental.fetch.session.cache.slots': String(slots) } }, {})
    t.after(clusters.close)
    const { finish, mirror, more } = await startLoadedMirror(t, clusters, {
      topic: 'orders', partitions: 12, recordsPerTurn: 5, properties: { lanes }
    })
    await more()
    const refused = async (): Promise<number> =>
      await sumOf(mirror, 'longhaul_fetch_sessions_refused_total')
    const evicted = async (): Promise<number> =>
      await sumOf(mirror, 'longhaul_retried_errors_total',
        labels => labels.includes('error="FETCH_SESSION_ID_NOT_FOUND"'))
    assert.deepEqual([await refused(), await evicted()], [0, 0])

    assert.equal(await fillCache(clusters.source.broker(1)), slots)
    await mirror.until('evicted sessions', async () => await evicted() >= lanes)
    await mirror.until('refused sessions', async () => await refused() >= lanes)
    await more()
    await mirror.untilReady()
    assert.equal(await sumOf(mirror, 'longhaul_errors_total'), 0)
    await finish()
  })
