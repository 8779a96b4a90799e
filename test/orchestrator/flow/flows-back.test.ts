// Which flows lead back from the target to the source: running flows between these two clusters.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  encodeControl, encodeControlEnd
} from '../../../src/orchestrator/control/control-record.ts'
import { sharedSettings } from '../../../src/orchestrator/control/flow-members.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowsBack } from '../../../src/orchestrator/flow/flows-back.ts'
import type { SlotRecordRead } from '../../../src/orchestrator/inbound/inbound-topics.ts'
import {
  encodeProducer, type EncodedRecord
} from '../../../src/orchestrator/progress/progress-record.ts'
import { createFlow } from '../config/create-config.ts'
import { recordingLog } from '../observability/recording-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

const identity = ['replication.policy.class = IdentityReplicationPolicy']
const flow = createFlow(identity)
const progressTopic = 'longhaul-progress.B.internal'
const produced = (sourceClusterId: string): EncodedRecord => encodeProducer(
  { producerId: 7n, producerEpoch: 0, sourceClusterId, keepsNames: true })
const member = (lines: readonly string[] = identity, name = 'p1') => ({
  kind: 'member' as const,
  member: {
    name,
    build: '1',
    address: 'http://b:9584',
    startedMs: 0,
    settings: sharedSettings(createFlow(lines))
  }
})
const announced = (lines?: readonly string[]): EncodedRecord => encodeControl(member(lines))
const left: EncodedRecord = encodeControlEnd(member())

interface Fixture {
  readonly flowsBack: FlowsBack
  readonly clock: ManualClock
  readonly lines: readonly string[]
  fail: ReplicatorError | undefined
  /** The records that the next look reads. */
  append: (...records: readonly EncodedRecord[]) => void
  readonly refusal: () => string | undefined
}

function createFlowsBack (firstAgeMs = 0): Fixture {
  const clock = new ManualClock()
  const lines: string[] = []
  const log = recordingLog(lines)
  const next: EncodedRecord[] = []
  let isFirst = true
  let onRecord: (topic: string, record: SlotRecordRead) => void = () => {}
  const fixture = {
    clock,
    lines,
    fail: undefined as ReplicatorError | undefined,
    append: (...records: readonly EncodedRecord[]) => { next.push(...records) }
  }
  const flowsBack = new FlowsBack({
    name: 'A->B',
    source: { alias: 'A' },
    target: { alias: 'B', clusterId: 'id-of-B' },
    open: take => {
      onRecord = take
      return {
        names: new Set([progressTopic]),
        read: async () => {
          if (fixture.fail !== undefined) throw fixture.fail
          for (const { key, value } of next.splice(0)) {
            onRecord(progressTopic, { key, value, isFirst, atMs: clock.now() - firstAgeMs })
          }
          isFirst = false
          return []
        },
        close: async () => {}
      }
    },
    announced: async () => {},
    log,
    clock,
    signal: new AbortController().signal
  })
  return Object.assign(fixture, {
    flowsBack, refusal: () => flowsBack.refusalOf('orders', flow)?.message
  })
}

describe('a flow that leads back', () => {
  test('is refused by the names of both flows and clusters, and with the ways out', async () => {
    const { append, flowsBack, refusal } = createFlowsBack()
    append(produced('id-of-B'), announced())
    assert.equal(await flowsBack.look(), true)
    const text = refusal() ?? ''
    for (const part of ['A->B', 'orders to B', progressTopic, 'back to A', 'http://b:9584',
      'same.names.both.ways=true', 'MIRROR_LOOP']) {
      assert.ok(text.includes(part), `${part}: ${text}`)
    }
    assert.equal(await flowsBack.look(), false, 'nothing has changed')
  })

  test('from another cluster does not count', async () => {
    const { append, flowsBack, refusal } = createFlowsBack()
    append(produced('id-of-C'), announced())
    await flowsBack.look()
    assert.equal(refusal(), undefined)
  })

  test('with other topics does not count, until it mirrors the same topics', async () => {
    const { append, flowsBack, refusal } = createFlowsBack()
    append(produced('id-of-B'), announced([...identity, 'topics = carts']))
    await flowsBack.look()
    assert.equal(refusal(), undefined)
    append(announced())
    assert.equal(await flowsBack.look(), true)
    assert.match(refusal() ?? '', /MIRROR_LOOP/)
  })

  test('no longer counts when it has ended, and a warning names its records', async () => {
    const { append, flowsBack, lines, refusal } = createFlowsBack()
    append(produced('id-of-B'), announced())
    await flowsBack.look()
    append(left)
    assert.equal(await flowsBack.look(), true)
    assert.equal(refusal(), undefined)
    await flowsBack.look()
    assert.equal(lines.filter(line => line.includes('does not run any more')).length, 1)
  })

  test('counts for 90 s after it was killed, and as long as it announces itself', async () => {
    const { append, clock, flowsBack, refusal } = createFlowsBack()
    append(produced('id-of-B'), announced())
    await flowsBack.look()
    await clock.advance(80_000)
    append(announced())
    assert.equal(await flowsBack.look(), false)
    await clock.advance(80_000)
    assert.match(refusal() ?? '', /MIRROR_LOOP/)
    await clock.advance(20_000)
    assert.equal(await flowsBack.look(), true)
    assert.equal(refusal(), undefined)
  })

  // After a disaster the surviving cluster has the record of the process that died.
  test('that was killed before this flow began causes no wait', async () => {
    const { append, flowsBack, refusal } = createFlowsBack(100_000)
    append(produced('id-of-B'), announced())
    await flowsBack.look()
    assert.equal(refusal(), undefined)
    append(announced()) // it runs, and its clock is behind
    await flowsBack.look()
    assert.match(refusal() ?? '', /MIRROR_LOOP/)
  })

  test('that cannot be read is reported once, and the flow continues', async () => {
    const fixture = createFlowsBack()
    fixture.fail = new ReplicatorError('INBOUND_UNREADABLE', 'A: no permission')
    await fixture.flowsBack.look()
    await fixture.flowsBack.look()
    assert.equal(fixture.refusal(), undefined)
    assert.equal(fixture.lines.filter(line => line.includes('A: no permission')).length, 1)
  })
})
