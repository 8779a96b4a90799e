// Answers to the questions of lanes: from a reading after the question, after the carried clusters
// are recorded, and no answer while the topics cannot be read.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProducersAnswer } from '../../../src/dataplane/index.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  InboundFlows, type LaneQuestion
} from '../../../src/orchestrator/inbound/inbound-flows.ts'
import type { FlowProducer } from '../../../src/orchestrator/progress/progress-record.ts'
import { silentLog } from '../observability/silent-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

type Answer = LaneQuestion & ProducersAnswer

interface Fixture {
  readonly flows: InboundFlows
  readonly clock: ManualClock
  /** Producers on record on each side. */
  readonly source: FlowProducer[]
  readonly target: FlowProducer[]
  readonly answers: Answer[]
  readonly errors: ReplicatorError[]
  readonly rings: ReplicatorError[]
  /** In order: readings, records that were written, answers. */
  readonly steps: string[]
  readonly stop: () => void
  /** The error with which readings reject. */
  fail: ReplicatorError | undefined
  changes: number
}

/** A flow from cluster X to cluster Y. */
function createFlows (): Fixture {
  const stopping = new AbortController()
  const clock = new ManualClock()
  const fixture: Omit<Fixture, 'flows'> = {
    clock, source: [], target: [], answers: [], errors: [], rings: [], steps: [], fail: undefined,
    changes: 0, stop: () => { stopping.abort() }
  }
  const topics = (side: 'source' | 'target') => ({
    read: async () => {
      const found = [...fixture[side]]
      fixture.steps.push(`read ${side}`)
      await new Promise(resolve => { setImmediate(resolve) })
      if (fixture.fail !== undefined) throw fixture.fail
      return found
    },
    close: async () => {}
  })
  const flows = new InboundFlows({
    name: 'x->y',
    source: { alias: 'x', clusterId: 'X', topics: topics('source') },
    target: { alias: 'y', clusterId: 'Y', topics: topics('target') },
    keepCarried: async carried => { fixture.steps.push(`keep ${carried.join()}`) },
    answer: (lane, answer) => {
      fixture.steps.push(`answer ${lane.lane}`)
      fixture.answers.push({ ...lane, ...answer })
    },
    onKnown: () => { fixture.changes++ },
    onError: error => { fixture.errors.push(error) },
    onRing: error => { fixture.rings.push(error) },
    log: silentLog,
    clock,
    signal: stopping.signal
  })
  return Object.assign(fixture, { flows })
}

const writes = (
  producerId: bigint, sourceClusterId: string, carried: readonly string[] = [sourceClusterId]
): FlowProducer => ({ producerId, producerEpoch: 0, sourceClusterId, keepsNames: true, carried })

const settled = async (until: () => boolean): Promise<void> => {
  for (let i = 0; i < 100 && !until(); i++) await new Promise(resolve => { setImmediate(resolve) })
  assert.ok(until())
}

describe('what a flow knows of the flows into its source', () => {
  test('leaves out records that came from the target or reach it directly, and forwards others',
    async () => {
      const { flows, source, steps, target } = createFlows()
      source.push(writes(1n, 'Y'), writes(2n, 'Z'), writes(3n, 'W', ['V', 'W']),
        { ...writes(4n, 'Y'), keepsNames: false })
      target.push(writes(5n, 'X'), writes(6n, 'Z'))
      await flows.learn()
      assert.deepEqual(flows.known.map(({ isLeftOut, producerId }) => [producerId, isLeftOut]),
        [[1n, true], [2n, true], [3n, false], [4n, true]])
      assert.equal(steps.at(-1), 'keep V,W,X')
    })

  test('refuses a ring', async () => {
    const { flows, source, steps } = createFlows()
    source.push(writes(1n, 'Z', ['Y', 'Z']))
    await assert.rejects(flows.learn(), (error: ReplicatorError) =>
      error.errorName === 'MIRROR_RING' && /x->y: what cluster Z sends to x/.test(error.detail))
    assert.ok(!steps.some(step => step.startsWith('keep')))
  })

  test('does not guess if a record of an early version names no source', async () => {
    const { flows, source } = createFlows()
    source.push({ producerId: 1n, producerEpoch: 0 })
    await assert.rejects(flows.learn(), (error: ReplicatorError) =>
      error.errorName === 'INBOUND_UNREADABLE')
  })

  // Its batches look like those of applications: they would return to their source.
  test('refuses a flow that has no producer id', async () => {
    const { flows, source } = createFlows()
    source.push(writes(-1n, 'Y'))
    await assert.rejects(flows.learn(), (error: ReplicatorError) =>
      error.errorName === 'PRODUCER_ID_MISSING' && /a flow from cluster Y/.test(error.detail))
  })

  test('is sent to lanes that have not asked when it changes, and only then', async () => {
    const fixture = createFlows()
    fixture.source.push(writes(2n, 'Z'))
    await fixture.flows.learn()
    await fixture.flows.learn()
    assert.equal(fixture.changes, 1)
    fixture.target.push(writes(6n, 'Z'))
    await fixture.flows.learn()
    assert.equal(fixture.changes, 2)
    assert.deepEqual(fixture.flows.known, [{ producerId: 2n, isLeftOut: true }])
  })
})

describe('a question of a lane', () => {
  // The inbound flow records its id during an earlier reading.
  test('is answered by a reading that began after it', async () => {
    const { answers, flows, source } = createFlows()
    const lane = { lane: 0, incarnation: 1 }
    flows.ask(lane, 1n)
    source.push(writes(9n, 'Y'))
    flows.ask(lane, 2n)
    await settled(() => answers.some(({ question }) => question === 2n))
    const [last] = answers.slice(-1)
    assert.deepEqual(last,
      { ...lane, question: 2n, inbound: [{ producerId: 9n, isLeftOut: true }] })
  })

  test('is answered once the clusters that it carries are recorded', async () => {
    const { answers, flows, source, steps } = createFlows()
    await flows.learn()
    source.push(writes(3n, 'W'))
    flows.ask({ lane: 2, incarnation: 1 }, 1n)
    await settled(() => answers.length === 1)
    assert.ok(steps.indexOf('keep W,X') > 0)
    assert.ok(steps.indexOf('keep W,X') < steps.indexOf('answer 2'))
  })

  test('of many lanes costs one reading', async () => {
    const { answers, flows, steps } = createFlows()
    await flows.learn()
    steps.length = 0
    flows.ask({ lane: 0, incarnation: 1 }, 1n)
    for (let lane = 1; lane < 20; lane++) flows.ask({ lane, incarnation: 1 }, BigInt(lane))
    await settled(() => answers.length >= 20)
    assert.ok(steps.filter(step => step === 'read source').length <= 2, steps.join())
  })

  test('waits while the topics cannot be read, which is logged, and then answered', async () => {
    const fixture = createFlows()
    const { answers, clock, errors, flows } = fixture
    fixture.fail = new ReplicatorError('INBOUND_UNREADABLE', 'x')
    flows.ask({ lane: 0, incarnation: 1 }, 5n)
    await settled(() => clock.sleeping === 1)
    assert.equal(errors[0]?.errorName, 'INBOUND_UNREADABLE')
    assert.equal(answers.length, 0)
    fixture.fail = undefined
    await clock.advance(10_000)
    await settled(() => answers.length === 1)
    assert.equal(answers[0]?.question, 5n)
  })

  test('is never answered once a ring has formed', async () => {
    const { answers, flows, rings, source } = createFlows()
    await flows.learn()
    source.push(writes(1n, 'Z', ['Y', 'Z']))
    flows.ask({ lane: 0, incarnation: 1 }, 1n)
    await settled(() => rings.length === 1)
    assert.deepEqual(answers, [])
  })

  test('ends with the flow', async () => {
    const fixture = createFlows()
    fixture.fail = new ReplicatorError('INBOUND_UNREADABLE', 'x')
    fixture.flows.ask({ lane: 0, incarnation: 1 }, 5n)
    await settled(() => fixture.clock.sleeping === 1)
    fixture.stop()
    await fixture.flows.close()
    assert.deepEqual(fixture.answers, [])
  })
})
