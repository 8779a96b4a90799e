// The contents of a slot, record by record: the newest record of each key counts, and the next
// reading begins at the end of this one.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  encodeHistory, encodePosition, encodeProducer, encodeTombstones
} from '../../../src/orchestrator/progress/progress-record.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'
import { SlotContents } from '../../../src/orchestrator/progress/slot-contents.ts'

const source = { topic: 'orders', partition: 0 }

function progressAt (at: bigint): Progress {
  return { upstream: at, downstream: at, sequence: Number(at) }
}

function take (contents: SlotContents, offset: bigint, at: bigint): void {
  const { key, value } = encodePosition(source, progressAt(at), 7n)
  contents.take(key, value, offset)
}

function upstreamOf (contents: SlotContents): bigint | undefined {
  return contents.progress().partitions.get('orders/0')?.progress.upstream
}

describe('the contents of a slot', () => {
  test('are the newest record of each key, until a tombstone', () => {
    const contents = new SlotContents()
    take(contents, 0n, 5n)
    take(contents, 1n, 9n)
    assert.equal(upstreamOf(contents), 9n)
    for (const [i, { key, value }] of encodeTombstones(source).entries()) {
      contents.take(key, value, 2n + BigInt(i))
    }
    assert.equal(contents.progress().partitions.size, 0)
  })

  test('pair a position with the history that was written before it', () => {
    const contents = new SlotContents()
    const progress = { ...progressAt(9n), history: [{ ...progressAt(3n) }] }
    for (const [i, { key, value }] of [
      encodeHistory(source, progress), encodePosition(source, progress, 7n)
    ].entries()) contents.take(key, value, BigInt(i))
    assert.deepEqual(contents.progress().partitions.get('orders/0'),
      { source, progress, producerId: 7n })
  })

  test('name every producer id in the order of the log', () => {
    const contents = new SlotContents()
    for (const [i, producerId] of [77n, 78n, 77n].entries()) {
      const { key, value } = encodeProducer({ producerId, producerEpoch: 0 })
      contents.take(key, value, BigInt(i))
      contents.progress()
    }
    assert.deepEqual(contents.progress().producers.map(({ producerId }) => producerId),
      [77n, 78n, 77n])
  })

  test('grow by own writes, as long as no records of others are between', () => {
    const contents = new SlotContents()
    take(contents, 0n, 5n)
    contents.endReading(1n)
    const write = (at: bigint, offset: bigint): void => {
      const { key, value } = encodePosition(source, progressAt(at), 7n)
      contents.takeWritten(key, value, offset)
    }
    write(6n, 1n)
    assert.equal(contents.next, 2n)
    assert.equal(upstreamOf(contents), 6n)
    // Another process wrote at offset 2, which only a reading can show.
    write(8n, 3n)
    assert.equal(contents.next, 2n)
    assert.equal(upstreamOf(contents), 6n)
  })

  // Regression: the announcement of a member, acknowledged while slot 0 was read, was applied
  // twice: the second time it looked like a record of a recreated topic, and every position before
  // it was forgotten.
  test('are kept if a reading returns records that were written and acknowledged meanwhile', () => {
    const contents = new SlotContents()
    take(contents, 0n, 5n)
    contents.endReading(1n)
    const { key, value } = encodePosition({ topic: 'other', partition: 0 }, progressAt(1n), 7n)
    const written = [1n, 2n]
    assert.equal(contents.beginReading(), 1n)
    for (const offset of written) contents.takeWritten(key, value, offset)
    contents.take(key, value, 1n)
    contents.endReading(2n)
    assert.deepEqual([...contents.progress().partitions.keys()], ['orders/0', 'other/0'])
    assert.equal(contents.next, 2n, 'the next reading brings the record at offset 2')
  })

  // The end of a slot is requested first. Regression: records that other processes appended between
  // that and the last Fetch looked like those of a recreated topic: the whole contents of the slot
  // were forgotten, including the producer id that a starting process had just written.
  test('are kept if a reading returns records that others append after its end', () => {
    const contents = new SlotContents()
    contents.beginReading()
    take(contents, 0n, 5n)
    take(contents, 1n, 9n)
    contents.endReading(1n)
    assert.equal(upstreamOf(contents), 9n)
    assert.equal(contents.beginReading(), 2n)
    contents.endReading(2n)
    assert.equal(upstreamOf(contents), 9n)
  })

  test('are forgotten when the topic restarts with lower offsets', () => {
    const contents = new SlotContents()
    take(contents, 0n, 5n)
    take(contents, 1n, 9n)
    const { key, value } = encodePosition({ topic: 'other', partition: 0 }, progressAt(1n), 7n)
    contents.take(key, value, 0n)
    assert.deepEqual([...contents.progress().partitions.keys()], ['other/0'])
    contents.beginReading()
    contents.endReading(0n)
    assert.equal(contents.progress().partitions.size, 0)
  })

  test('that cannot be decoded are an error with their offset, at every reading', () => {
    const contents = new SlotContents()
    contents.take(Buffer.from('{"topic":"orders","partition":0}'), Buffer.from('{"version":9}'), 4n)
    for (let look = 0; look < 2; look++) {
      assert.throws(() => contents.progress(), (error: ReplicatorError) =>
        error.errorName === 'PROGRESS_VERSION_UNKNOWN' &&
        /offset 4: .*version 9/.test(error.message))
    }
    // A record that replaces it ends the error: after a roll-back the topic was restored.
    take(contents, 5n, 1n)
    assert.equal(upstreamOf(contents), 1n)
  })
  // Regression: the records of producers were dropped before they were decoded: the reading after
  // the error found another producer id, and records that were mirrored under the damaged one would
  // have been duplicated.
  test('keep a damaged record of a producer, and those after it, at every reading', () => {
    const contents = new SlotContents()
    const later = encodeProducer({ producerId: 8n, producerEpoch: 0 })
    contents.take(later.key, Buffer.from('{"version":2,"prod'), 4n)
    contents.take(later.key, later.value, 5n)
    for (let look = 0; look < 2; look++) {
      assert.throws(() => contents.progress(), (error: ReplicatorError) =>
        error.errorName === 'PROGRESS_UNREADABLE' && /offset 4: /.test(error.message))
    }
  })
})
