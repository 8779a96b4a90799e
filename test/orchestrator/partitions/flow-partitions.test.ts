// What happens to the faults of a flow's partitions, and how partitions move between lanes and
// processes.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { settle } from '../time/manual-clock.ts'
import {
  createPartitions, createRunning, laneEvent, noTopics, orders, positionsOf, released, report,
  type PartitionsFixture
} from './partitions-fixture.ts'

const laneLost = new ReplicatorError('LANE_LOST', 'lane 0')
const tooLarge = (skipTo: bigint): ReturnType<typeof laneEvent> => laneEvent('faulted',
  { code: 1005, detail: 'too large', skipTo, skipRecords: 1n })
const truncated = laneEvent('faulted',
  { code: 1014, detail: 'parted', skipTo: 0n, skipRecords: 0n, skipEpoch: 0 })
const corrupt = laneEvent('faulted', { code: 1001, detail: 'offset 10' })

describe('a partition that faults', () => {
  // The lane's states are coalesced, so no state may be between two faults of one kind. Regression:
  // the second fault was mistaken for the first, and waited for the next retry.
  test('again at once, in the same way, is skipped again', async () => {
    const fixture = await createRunning()
    for (const skipTo of [15n, 16n]) {
      report(fixture, 0, tooLarge(skipTo))
      await settle()
    }
    const { assigned, partitions } = fixture
    assert.deepEqual(assigned.map(({ upstream }) => upstream), [0n, 15n, 16n])
    assert.equal(partitions.skipped.get('orders')?.get('record_too_large'), 2n)
  })

  test('without a policy for it is retried, and faulted until it is sound', async () => {
    const fixture = await createRunning('stop')
    const { asked, lines, partition, partitions } = fixture
    report(fixture, 0, corrupt)
    await settle()
    assert.equal(partition().state, 'faulted')
    await partitions.retryFaulted()
    assert.equal(partition().state, 'retrying')
    assert.deepEqual(asked.slice(1), [['assign', 0]])
    report(fixture, 0, laneEvent('running'), 11n)
    assert.equal(partition().state, 'assigned')
    assert.deepEqual(lines.slice(-2).map(line => line.split(':')[0]), ['error', 'info'])
  })

  test('reports the same fault once, however often it is retried', async () => {
    const fixture = await createRunning('stop')
    for (let attempt = 0; attempt < 3; attempt++) {
      report(fixture, 0, corrupt)
      await settle()
      await fixture.partitions.retryFaulted()
    }
    assert.equal(fixture.lines.filter(line => line.startsWith('error')).length, 1)
  })
})

// Regression: the new position was used when it was decided: if it could not be written, the next
// retry still began there, and the left-out records were neither counted nor logged.
describe('a position that cannot be recorded', () => {
  const failing = async (fixture: PartitionsFixture, fault: () => void): Promise<void> => {
    fixture.store.beforeWrite = () => { throw new ReplicatorError('PROGRESS_UNWRITABLE', 'away') }
    fault()
    await settle()
    fixture.store.beforeWrite = () => {}
  }

  test('is not used, and the skip is counted once it is carried out', async () => {
    const fixture = await createRunning()
    const { assigned, lines, partition, partitions } = fixture
    await failing(fixture, () => { report(fixture, 0, tooLarge(15n)) })
    assert.equal(partition().state, 'faulted')
    assert.equal(partition().progress?.upstream, 10n)
    assert.equal(partitions.skipped.size, 0)
    await partitions.retryFaulted()
    assert.equal(assigned.at(-1)?.upstream, 10n)
    report(fixture, 0, tooLarge(15n))
    await settle()
    assert.equal(assigned.at(-1)?.upstream, 15n)
    assert.equal(partitions.skipped.get('orders')?.get('record_too_large'), 1n)
    assert.equal(lines.filter(line => line.includes('skipped 1 record,')).length, 1)
  })

  // Regression: the new topic's id stayed in the progress beside the old offset: the recreation was
  // no longer detected, and the flow continued in the new topic at an offset of the old one.
  test('does not hide that the topic was recreated', async () => {
    const fixture = await createRunning()
    const { assigned, partition, partitions, source } = fixture
    source.addTopic('orders', 1)
    await failing(fixture, () => {
      void partitions.setTopics(orders).then(() => { report(fixture, 0, released) })
    })
    await settle()
    assert.equal(partition().state, 'faulted')
    assert.equal(assigned.length, 1)
    await partitions.retryFaulted()
    report(fixture, 0, released)
    await settle()
    assert.deepEqual(assigned.slice(1).map(({ upstream }) => upstream), [0n])
    assert.ok(partitions.skipped.get('orders')?.has('topic_recreated'))
  })

  test('is not overwritten by earlier progress', async () => {
    const fixture = await createRunning()
    const { partitions, store } = fixture
    report(fixture, 0, laneEvent('running'), 12n)
    let wasWritten = (): void => {}
    store.beforeWrite = async () => { await new Promise<void>(resolve => { wasWritten = resolve }) }
    report(fixture, 0, tooLarge(15n))
    await settle()
    store.beforeWrite = () => {}
    await partitions.writeProgress()
    wasWritten()
    await settle()
    await partitions.writeProgress()
    const offsets = store.written.flatMap(({ record }) =>
      record.kind === 'partition' ? [record.progress.upstream] : [])
    assert.deepEqual(offsets, [0n, 15n])
  })
})

// The decision needs the ends of both logs. Regression: while a cluster did not answer, the log
// told the operator to set what was already set.
test('a recreated topic with topic.recreated=skip waits for the target and names no setting',
  async () => {
    const fixture = await createRunning()
    const { lines, target } = fixture
    target.error = new ReplicatorError('CLUSTER_UNREACHABLE', 'west')
    report(fixture, 0, laneEvent('faulted', { code: 103, detail: 'another topic id' }))
    await settle()
    assert.equal(fixture.partition().state, 'faulted')
    const [line, ...more] = lines.filter(each => each.includes('orders-0 is faulted'))
    assert.deepEqual(more, [])
    assert.match(line ?? '', /as topic\.recreated=skip is set, .* once both clusters answer/)
    assert.doesNotMatch(line ?? '', /Set topic\.recreated/)
  })

// A broker that returns after an unclean election is slow to answer, and faulted partitions are
// retried meanwhile. Regression: the decision read an offset of -1 from the new attempt, continued
// there, and the process ended.
describe('a partition whose fault is being decided', () => {
  const createDeciding = async (): Promise<PartitionsFixture & {
    readonly answer: () => Promise<void>
  }> => {
    const fixture = await createRunning()
    const { source } = fixture
    const listOffsets = source.listOffsets.bind(source)
    let answer: () => void = () => {}
    const answered = new Promise<void>(resolve => { answer = resolve })
    source.listOffsets = async wanted => {
      await answered
      return await listOffsets(wanted)
    }
    report(fixture, 0, truncated)
    await settle()
    assert.equal(fixture.partition().state, 'deciding')
    return { ...fixture, answer: async () => { answer(); await settle() } }
  }

  test('is not retried meanwhile', async () => {
    const { answer, asked, partitions } = await createDeciding()
    await partitions.retryFaulted()
    assert.deepEqual(asked, [['assign', 0]])
    await answer()
    assert.deepEqual(asked, [['assign', 0], ['assign', 0]])
    assert.equal(partitions.skipped.get('orders')?.get('data_loss'), 10n)
  })

  test('is assigned once, by the decision, when its lane ends and starts meanwhile', async () => {
    const { answer, asked, partitions } = await createDeciding()
    partitions.onLaneEnded(0, laneLost)
    partitions.onLaneStarted(0)
    assert.deepEqual(asked, [['assign', 0]])
    await answer()
    assert.deepEqual(asked, [['assign', 0], ['assign', 0]])
  })

  // A position that is written after the hand-over would follow the records of the new owner.
  test('writes no position after its slot was handed over meanwhile', async () => {
    const { answer, clock, partitions, store } = await createDeciding()
    const before = store.written.length
    const handedOver = partitions.release([0], 1_000, false)
    await clock.advance(1_000)
    assert.equal((await handedOver).length, 1)
    const writtenByRelease = store.written.length
    await answer()
    assert.equal(store.written.length, writtenByRelease)
    assert.ok(writtenByRelease <= before + 1)
    assert.equal(partitions.skipped.size, 0)
  })
})

// Regression: all partitions of the lane were assigned again, whatever had been decided: a stopped
// partition continued in a recreated topic at the old offset, and a partition whose slot another
// process owned by then was mirrored by both.
describe('when a lane ends', () => {
  test('a running partition is assigned to it again once it has started', async () => {
    const { asked, partitions } = await createRunning()
    partitions.onLaneEnded(0, laneLost)
    assert.deepEqual(asked, [['assign', 0]])
    partitions.onLaneStarted(0)
    assert.deepEqual(asked, [['assign', 0], ['assign', 0]])
  })

  test('a partition that a policy has stopped stays stopped', async () => {
    const fixture = await createRunning('stop')
    const { asked, partition, partitions } = fixture
    report(fixture, 0, truncated)
    await settle()
    assert.equal(partition().state, 'stopped')
    partitions.onLaneEnded(0, laneLost)
    partitions.onLaneStarted(0)
    await partitions.retryFaulted()
    assert.deepEqual(asked, [['assign', 0]])
  })

  test('a partition whose topic was recreated is not assigned before that is decided', async () => {
    const { asked, partition, partitions, source } = await createRunning('stop')
    source.addTopic('orders', 1)
    await partitions.setTopics(orders)
    assert.equal(partition().state, 'recalled')
    partitions.onLaneEnded(0, laneLost)
    partitions.onLaneStarted(0)
    await settle()
    assert.equal(partition().state, 'stopped')
    assert.deepEqual(asked, [['assign', 0], ['revoke', 0]])
  })

  test('a hand-over is complete: no batch of it is in flight', async () => {
    const { asked, partitions } = await createRunning()
    const handedOver = partitions.release([0], 60_000, false)
    partitions.onLaneEnded(0, laneLost)
    partitions.onLaneStarted(0)
    assert.deepEqual(await handedOver, [])
    assert.deepEqual(asked, [['assign', 0], ['revoke', 0]])
    assert.equal(partitions.table.size, 0)
  })
})

describe('slots that are released', () => {
  // The lane of a hanging target drops its batches when the connection is closed, and releases the
  // partition. Regression: that looked as if everything were acknowledged.
  test('report partitions whose target has not acknowledged all sent batches', async () => {
    const fixture = await createRunning()
    const ended = fixture.partitions.release([0], 60_000, true)
    report(fixture, 0, { ...released, code: 7, detail: 'west does not answer' })
    assert.deepEqual((await ended).map(({ report }) => [report.code, report.detail]),
      [[7, 'west does not answer']])
  })

  // Regression: the last progress is written to the same cluster: the process ended without a log
  // line.
  test('report them before the last progress waits for the target', async () => {
    const fixture = await createRunning()
    const { clock, partitions, store, unacknowledged } = fixture
    report(fixture, 0, laneEvent('running'), 12n)
    store.beforeWrite = async () => { await new Promise(() => {}) }
    const ended = partitions.release([0], 1_000, true)
    await clock.advance(1_000)
    assert.deepEqual(unacknowledged, [fixture.partition()])
    await clock.advance(10_000)
    assert.equal((await ended).length, 1)
  })

  // Regression: its lane releases such a partition at once: a stop while a broker restarted ended
  // with exit code 1, although the broker was back long before the end of drain.timeout.ms.
  test('let a partition at the end of the flow send again what the target has not acknowledged',
    async () => {
      const retries = laneEvent('waiting', { code: 6, detail: 'target broker 1 is down' })
      for (const isBack of [true, false]) {
        const fixture = await createRunning()
        const { asked, clock, partitions } = fixture
        report(fixture, 0, retries)
        const ended = partitions.release([0], 60_000, true)
        await clock.advance(58_000)
        assert.deepEqual(asked, [['assign', 0]])
        report(fixture, 0, laneEvent('resuming'))
        await settle()
        assert.deepEqual(asked, [['assign', 0]], 'a scan comes before the batches')
        if (isBack) report(fixture, 0, laneEvent('running'), 12n)
        else await clock.advance(1_000)
        await settle()
        assert.deepEqual(asked, [['assign', 0], ['revoke', 0]])
        report(fixture, 0, isBack ? released : { ...released, code: 6, detail: 'no leader' })
        assert.equal((await ended).length, isBack ? 0 : 1)
      }
      const handedOver = await createRunning()
      report(handedOver, 0, retries)
      void handedOver.partitions.release([0], 60_000, false)
      assert.deepEqual(handedOver.asked, [['assign', 0], ['revoke', 0]], 'another process waits')
    })

  test('do not count a faulted partition whose retry the target refuses', async () => {
    const fixture = await createRunning('stop')
    report(fixture, 0, laneEvent('faulted', { code: 2 }))
    await settle()
    await fixture.partitions.retryFaulted()
    assert.equal(fixture.partition().state, 'retrying')
    const ended = fixture.partitions.release([0], 60_000, true)
    report(fixture, 0, { ...released, code: 2, detail: 'refused again' })
    assert.deepEqual(await ended, [])
  })

  // Regression: the lane still reported after the drain: "event report is not legal in state
  // removed".
  test('ignore late reports of a lane', async () => {
    const fixture = await createRunning()
    const ended = fixture.partitions.release([0], 1_000, true)
    await fixture.clock.advance(1_000)
    assert.equal((await ended).length, 1)
    const linesBefore = fixture.lines.length
    for (const late of [laneEvent('running'), laneEvent('faulted', { code: 7 }), released]) {
      report(fixture, 0, late, 12n)
    }
    assert.equal(fixture.partition().state, 'removed')
    assert.deepEqual(fixture.lines.slice(linesBefore), [])
  })

  test('do not wait for a source that hangs while their partitions begin', async () => {
    const { partitions, source } = createPartitions()
    await partitions.setTopics(orders)
    const leaving = new AbortController()
    Object.assign(source, { listOffsets: async () => await new Promise<never>(() => {}) })
    const acquired = partitions.acquire([0], leaving.signal)
    await settle()
    leaving.abort()
    await assert.rejects(acquired)
    assert.deepEqual(await partitions.release([0], 60_000, true), [])
  })
})

describe('a topic that the source no longer has', () => {
  test('leaves the table, and a later topic of its name is recognized as recreated', async () => {
    const fixture = await createRunning()
    const { assigned, clock, lines, partitions, source } = fixture
    report(fixture, 0, laneEvent('faulted', { code: 1007, detail: 'orders-0' }))
    await settle()
    source.topics.delete('orders')
    await partitions.retryFaulted()
    assert.equal(partitions.table.size, 1, 'one look alone must not decide it')
    clock.skip(6_000)
    const gone = partitions.beginDue()
    await settle()
    report(fixture, 0, released)
    await gone
    assert.equal(partitions.table.size, 0)
    assert.match(lines.at(-1) ?? '', /no longer mirrored.*: orders/)
    source.addTopic('orders', 1)
    await partitions.setTopics(orders)
    assert.equal(fixture.partition().state, 'recalled')
    report(fixture, 0, laneEvent('stopped', { id: 1, released: true }))
    await settle()
    assert.equal(assigned.at(-1)?.upstream, 0n)
    assert.ok(partitions.skipped.get('orders')?.has('topic_recreated'))
  })

  test('stays while a cluster only does not answer, or refuses to describe it', async () => {
    const fixture = await createRunning()
    const { clock, partitions, source } = fixture
    report(fixture, 0, laneEvent('faulted', { code: 1007, detail: 'orders-0' }))
    await settle()
    source.error = new ReplicatorError('_TRANSPORT', 'east')
    for (let look = 0; look < 3; look++) {
      clock.skip(60_000)
      await partitions.retryFaulted()
      await partitions.beginDue()
    }
    assert.equal(partitions.table.size, 1)
  })

  test('or that no look finds leaves after the second look at all topics', async () => {
    const fixture = await createRunning()
    const { partitions } = fixture
    await partitions.setTopics(noTopics)
    assert.equal(partitions.table.size, 1)
    fixture.clock.skip(6_000)
    const second = partitions.setTopics(noTopics)
    await settle()
    report(fixture, 0, released)
    await second
    assert.equal(partitions.table.size, 0)
  })
})

describe('a partition that moves to another lane', () => {
  const createMoving = async (): Promise<PartitionsFixture> => {
    const fixture = await createRunning()
    fixture.partitions.moveToLane(fixture.partition(), 1)
    return fixture
  }

  test('begins there at the position of the first lane, once that has released it', async () => {
    const fixture = await createMoving()
    const { asked, assigned } = fixture
    report(fixture, 0, laneEvent('running'), 15n)
    assert.deepEqual(asked, [['assign', 0], ['revoke', 0]])
    report(fixture, 0, released, 20n)
    assert.deepEqual(asked, [['assign', 0], ['revoke', 0], ['assign', 1]])
    assert.deepEqual(positionsOf(assigned.slice(-1)), [[20n, 20n, 20]])
  })

  // The events of an ended lane never arrive: the partition would wait for them for ever.
  test('begins there at once, if its lane ends before it has released it', async () => {
    const { asked, partition, partitions } = await createMoving()
    partitions.onLaneEnded(0, laneLost)
    assert.deepEqual(asked.at(-1), ['assign', 1])
    assert.equal(partition().state, 'assigned')
    assert.equal(partition().lane, 1)
  })

  // The lane releases it once, for the move and for the slot: if the release counted for the move,
  // the partition would be mirrored beside the process that now owns the slot.
  test('is not moved if its slot is handed over meanwhile', async () => {
    const fixture = await createMoving()
    const handedOver = fixture.partitions.release([0], 1_000, false)
    await settle()
    report(fixture, 0, released, 20n)
    assert.deepEqual(await handedOver, [])
    assert.deepEqual(fixture.asked.filter(([verb]) => verb === 'assign'), [['assign', 0]])
  })

  // The figures of the old lane do not include the new lane's batches in flight.
  test('is waited for in its new lane when its slot is handed over', async () => {
    const fixture = await createMoving()
    report(fixture, 0, released, 20n)
    let isReleased = false
    const handedOver = fixture.partitions.release([0], 1_000, false)
      .then(() => { isReleased = true })
    report(fixture, 0, released)
    await settle()
    assert.equal(isReleased, false)
    assert.deepEqual(fixture.asked.at(-1), ['revoke', 1])
    report(fixture, 1, released)
    await handedOver
  })
})

describe('a partition that an operator pauses', () => {
  const paused = { by: 'ann', sinceMs: 5 }
  const createPaused = async (): Promise<PartitionsFixture> => {
    const fixture = await createRunning()
    fixture.partitions.control.setPauses(() => paused)
    return fixture
  }

  test('is drained, and assigned again at its position when the pause ends', async () => {
    const fixture = await createPaused()
    const { asked, assigned, partition, partitions } = fixture
    assert.equal(partition().state, 'pausing')
    report(fixture, 0, released, 20n)
    assert.equal(partition().state, 'paused')
    assert.deepEqual(partition().pause, paused)
    partitions.control.setPauses(() => undefined)
    assert.deepEqual(asked, [['assign', 0], ['revoke', 0], ['assign', 0]])
    assert.deepEqual(positionsOf(assigned.slice(-1)), [[20n, 20n, 20]])
  })

  // Its lane may still drain it: an assignment now would meet a release from before.
  test('and resumes at once waits for its lane', async () => {
    const fixture = await createPaused()
    const { asked, partitions } = fixture
    partitions.control.setPauses(() => undefined)
    assert.deepEqual(asked, [['assign', 0], ['revoke', 0]])
    report(fixture, 0, released, 20n)
    assert.deepEqual(asked.at(-1), ['assign', 0])
  })

  test('stays paused when its lane ends, starts again, and faulted partitions are retried',
    async () => {
      const { asked, partition, partitions } = await createPaused()
      partitions.onLaneEnded(0, laneLost)
      partitions.onLaneStarted(0)
      await partitions.retryFaulted()
      await partitions.beginDue()
      assert.equal(partition().state, 'paused')
      assert.deepEqual(asked, [['assign', 0], ['revoke', 0]])
    })

  test('is not assigned where it begins paused', async () => {
    const { asked, partition, partitions } = createPartitions()
    partitions.control.setPauses(() => paused)
    await partitions.setTopics(orders)
    await partitions.acquire([0])
    assert.equal(partition().state, 'paused')
    assert.deepEqual(asked, [])
    partitions.control.setPauses(() => undefined)
    assert.deepEqual(asked, [['assign', 0]])
  })

  test('is also paused after a decision in progress', async () => {
    const fixture = await createRunning()
    const { partition, partitions } = fixture
    report(fixture, 0, tooLarge(15n))
    partitions.control.setPauses(() => paused)
    await settle()
    assert.equal(partition().state, 'paused')
    assert.equal(partition().progress?.upstream, 15n)
  })
})

describe('a partition that a policy has stopped', () => {
  const createStopped = async (): Promise<PartitionsFixture> => {
    const fixture = await createRunning('stop')
    report(fixture, 0, truncated)
    await settle()
    assert.equal(fixture.partition().state, 'stopped')
    return fixture
  }

  test("starts again by an operator's retry", async () => {
    const { asked, partition, partitions } = await createStopped()
    await partitions.control.retry(({ topic }) => topic === 'orders')
    assert.equal(partition().state, 'retrying')
    assert.deepEqual(asked.at(-1), ['assign', 0])
  })

  test("continues at an operator's offset, recorded, counted and logged with the operator's name",
    async () => {
      const { assigned, lines, partitions, store } = await createStopped()
      const order = { to: 30n, by: 'ann', why: 'the rest is known to be lost' }
      assert.ok(partitions.control.skip({ topic: 'orders', partition: 0 }, order))
      await settle()
      assert.equal(assigned.at(-1)?.upstream, 30n)
      assert.equal(partitions.skipped.get('orders')?.get('operator'), 20n)
      assert.match(lines.at(-1) ?? '', /skipped 20 records.*by ann: the rest is known to be lost/)
      const last = store.written.at(-1)?.record
      assert.ok(last?.kind === 'partition')
      assert.equal(last.progress.upstream, 30n)
    })

  test('does not go back if an operator names an offset that was mirrored', async () => {
    const { assigned, partitions } = await createStopped()
    partitions.control.skip({ topic: 'orders', partition: 0 }, { to: 3n, by: 'ann', why: '' })
    await settle()
    assert.equal(assigned.at(-1)?.upstream, 10n)
    assert.equal(partitions.skipped.size, 0)
  })
})

test('a running partition that an operator moves forward is drained first', async () => {
  const fixture = await createRunning()
  const { asked, assigned, partitions } = fixture
  partitions.control.skip({ topic: 'orders', partition: 0 }, { to: 30n, by: 'ann', why: '' })
  assert.deepEqual(asked, [['assign', 0], ['revoke', 0]])
  report(fixture, 0, released, 20n)
  await settle()
  assert.equal(assigned.at(-1)?.upstream, 30n)
  assert.equal(partitions.skipped.get('orders')?.get('operator'), 10n)
})
