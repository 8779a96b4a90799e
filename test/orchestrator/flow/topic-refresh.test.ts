// When a flow looks at its topics: at the interval, and within seconds while a topic is not
// settled. Regression: with the defaults a topic whose creation failed for a moment waited ten
// minutes for its next attempt, or for ever with refresh.topics.enabled=false.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { ClusterPair } from '../../../src/orchestrator/flow/cluster-pair.ts'
import { TargetClaims } from '../../../src/orchestrator/flow/target-claims.ts'
import { TopicRefresh } from '../../../src/orchestrator/flow/topic-refresh.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import type { TopicSyncResult } from '../../../src/orchestrator/topics/topic-sync.ts'
import { createFlow } from '../config/create-config.ts'
import { silentLog } from '../observability/silent-log.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

const settled: TopicSyncResult = {
  topics: [], planned: [], problems: [], unsettled: [], warnings: [], refused: [],
  created: new Map(), grown: [], leftOut: [], unknown: [], onSource: new Map()
}
const unsettled: TopicSyncResult = { ...settled, unsettled: ['orders'] }
const unreachable = new ReplicatorError('CLUSTER_UNREACHABLE', 'west')
const defaultIntervalMs = 600_000

type Outcome = TopicSyncResult | ReplicatorError

/** The outcomes of the looks, in order; the last one repeats. */
function createRefresh (outcomes: readonly Outcome[], lines: readonly string[] = []): {
  readonly refresh: TopicRefresh
  readonly clock: ManualClock
  readonly stopping: AbortController
  readonly looks: () => number
} {
  const clock = new ManualClock()
  const stopping = new AbortController()
  let looks = 0
  const refresh = new TopicRefresh({
    config: createFlow(lines),
    clusters: { targetDescription: { clusterId: 'id' } } as unknown as ClusterPair,
    claims: new TargetClaims(),
    mayChange: () => true,
    onTopics: async () => {},
    problems: new FlowProblems({ log: silentLog, clock, source: 'A', target: 'B' }),
    log: silentLog,
    clock,
    signal: stopping.signal,
    sync: async () => {
      const outcome = outcomes[Math.min(looks++, outcomes.length - 1)] ?? settled
      if (outcome instanceof ReplicatorError) throw outcome
      return outcome
    }
  })
  return { refresh, clock, stopping, looks: () => looks }
}

describe('the topics of a flow', () => {
  test('are looked at during the start, and then at the interval', async () => {
    const { clock, looks, refresh } = createRefresh([settled])
    await refresh.start()
    assert.equal(looks(), 1)
    await clock.advance(defaultIntervalMs - 1)
    assert.equal(looks(), 1)
    await clock.advance(1)
    assert.equal(looks(), 2)
  })

  test('fail the start when the first look fails', async () => {
    const { refresh } = createRefresh([unreachable])
    await assert.rejects(refresh.start(), unreachable)
  })

  for (const [what, outcome] of [
    ['one is not settled', unsettled], ['a look fails', unreachable]
  ] as const) {
    test(`are looked at again within seconds when ${what}, by default`, async () => {
      const { clock, looks, refresh } = createRefresh([settled, outcome, settled])
      await refresh.start()
      await clock.advance(defaultIntervalMs)
      assert.equal(looks(), 2)
      await clock.advance(5_000)
      assert.equal(looks(), 3)
      await clock.advance(60_000)
      assert.equal(looks(), 3)
    })
  }

  test('that never settle are looked at once a minute', async () => {
    const { clock, looks, refresh } = createRefresh([unsettled])
    await refresh.start()
    await clock.advance(600_000)
    assert.ok(looks() > 8 && looks() < 25, `${looks()} looks in ten minutes`)
  })

  test('are looked at until they are settled if refreshes are disabled', async () => {
    const { clock, looks, refresh } =
      createRefresh([unsettled, settled], ['A->B.refresh.topics.enabled = false'])
    await refresh.start()
    await clock.advance(5_000)
    assert.equal(looks(), 2)
    await clock.advance(24 * 3_600_000)
    assert.equal(looks(), 2)
  })

  test('are looked at again at once if this process may change more of them', async () => {
    const { clock, looks, refresh } = createRefresh([unsettled, unsettled, settled])
    await refresh.start()
    refresh.lookAgain()
    await settle()
    assert.equal(looks(), 2)
    refresh.lookAgain()
    await settle()
    assert.equal(looks(), 3)
    refresh.lookAgain() // all are settled
    await clock.advance(60_000)
    assert.equal(looks(), 3)
  })

  test('are not looked at after the abort', async () => {
    const { clock, looks, refresh, stopping } = createRefresh([settled])
    await refresh.start()
    stopping.abort()
    await settle()
    await clock.advance(defaultIntervalMs)
    assert.equal(looks(), 1)
    assert.equal(clock.sleeping, 0)
  })
})
