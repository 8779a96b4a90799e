// Lag in records and seconds, from the reports of the source and their times.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  PartitionLag, type SourceEnd, type UnackedTimes
} from '../../../src/orchestrator/partitions/partition-lag.ts'

const nothing: UnackedTimes = { oldestUnackedMs: undefined, endFirstSeenMs: undefined }
const second = 1_000

function endAt (
  highWatermark: bigint, knownMs: number, lastStableOffset = highWatermark
): SourceEnd {
  return { highWatermark, lastStableOffset, knownMs }
}

/** The lag of a partition at `upstream`, whose source reports `highWatermark` once a second. */
function createLag (highWatermark: bigint, upstream: bigint, seconds: number): PartitionLag {
  const lag = new PartitionLag(true)
  for (let ms = 0; ms <= seconds * second; ms += second) {
    lag.learn(endAt(highWatermark, ms), upstream, ms)
  }
  return lag
}

describe('lag in records', () => {
  test('is not known before the source has reported an end', () => {
    const figures = new PartitionLag(true).at(5n, nothing, 0)
    assert.equal(figures.records, undefined)
    assert.equal(figures.seconds, undefined)
  })

  // Readers of the source do not see these records either, but the target lacks them. Regression:
  // after the start of a transaction that no producer ended, lag was 0 for ever.
  test('counts up to the high watermark, and records of an open transaction separately', () => {
    const lag = new PartitionLag(true)
    lag.learn(endAt(100n, 0, 40n), 10n, 0)
    const figures = lag.at(10n, nothing, 0)
    assert.equal(figures.records, 90)
    assert.equal(figures.openTransactionRecords, 60)
    assert.equal(lag.at(40n, nothing, 0).openTransactionRecords, 60)
  })

  test('has no part for open transactions with read_uncommitted', () => {
    const lag = new PartitionLag(false)
    lag.learn(endAt(100n, 0, 40n), 10n, 0)
    assert.equal(lag.at(10n, nothing, 0).openTransactionRecords, 0)
  })

  test('is 0 if the target has more records than were last reported', () => {
    const lag = createLag(10n, 10n, 0)
    assert.equal(lag.at(12n, nothing, 0).records, 0)
  })

  test('does not go back to an older report', () => {
    const lag = new PartitionLag(true)
    lag.learn(endAt(100n, 2 * second), 10n, 2 * second)
    lag.learn(endAt(50n, second), 10n, 3 * second)
    assert.equal(lag.at(10n, nothing, 3 * second).records, 90)
  })
})

// Reports are ordered by their times. Regression: after the host's clock was set back by an hour,
// all reports counted as older ones for an hour.
test('lag follows the source after the clock was set back', () => {
  const hour = 3600 * second
  const lag = createLag(10n, 10n, 0)
  lag.learn(endAt(10n, 2 * hour), 10n, 2 * hour)
  lag.learn(endAt(60n, hour), 10n, hour)
  assert.equal(lag.at(10n, nothing, hour).records, 50)
})

describe('lag in seconds', () => {
  test('is 0 for a partition without records left to mirror', () => {
    assert.equal(createLag(10n, 10n, 100).at(10n, nothing, 100 * second).seconds, 0)
  })

  test('is the age of the oldest unacknowledged batch by its header', () => {
    const times = { ...nothing, oldestUnackedMs: 30 * second }
    assert.equal(createLag(10n, 5n, 100).at(5n, times, 100 * second).seconds, 70)
  })

  // Regression: after one record of the year 2090 every later outage looked like no lag.
  test('is the time since the end was first seen, if the header is in the future', () => {
    const times = { ...nothing, oldestUnackedMs: Date.UTC(2090, 0, 1) }
    assert.equal(createLag(10n, 5n, 100).at(5n, times, 100 * second).seconds, 100)
  })

  test('is the same if nothing is fetched', () => {
    assert.equal(createLag(10n, 5n, 100).at(5n, nothing, 100 * second).seconds, 100)
  })

  test('counts from the earlier of two times, of the lane and its own', () => {
    const times = { ...nothing, endFirstSeenMs: 20 * second }
    const lag = createLag(10n, 5n, 0)
    lag.learn(endAt(10n, 90 * second), 5n, 90 * second)
    assert.equal(lag.at(5n, times, 100 * second).seconds, 100)
    const later = new PartitionLag(true)
    later.learn(endAt(10n, 90 * second), 5n, 90 * second)
    assert.equal(later.at(5n, times, 100 * second).seconds, 80)
  })

  test('ages while the source does not answer, although the target has all known records', () => {
    const lag = createLag(10n, 10n, 0)
    assert.equal(lag.at(10n, nothing, 10 * second).seconds, 0)
    assert.equal(lag.at(10n, nothing, 60 * second).seconds, 60)
  })

  test('counts again from the first record that the target lacks', () => {
    const lag = createLag(10n, 5n, 100)
    lag.learn(endAt(20n, 100 * second), 10n, 100 * second)
    assert.equal(lag.at(10n, nothing, 103 * second).seconds, 3)
  })

  test('is never less than the truth, and small for a partition that is a little behind', () => {
    const behindMs = 5 * second
    const seconds = { minLength: 50, maxLength: 300 }
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 20 }), seconds),
      written => {
        const lag = new PartitionLag(true)
        const ends: bigint[] = []
        let end = 0n
        written.forEach((records, tick) => {
          const nowMs = tick * second
          end += BigInt(records)
          ends.push(end)
          // The target is always five seconds behind.
          const upstream = ends[tick - behindMs / second] ?? 0n
          lag.learn(endAt(end, nowMs), upstream, nowMs)
          const { records: left = 0, seconds = 0 } = lag.at(upstream, nothing, nowMs)
          if (left === 0) return
          const firstMs = ends.findIndex(each => each > upstream) * second
          assert.ok(seconds * second >= nowMs - firstMs, `${seconds} s at ${nowMs}`)
          assert.ok(seconds <= 25, `${seconds} s though the target is 5 s behind`)
        })
      }))
  })
})

// If each new end were merged with the one before it, it would have the time of a much older end.
test('the last end keeps its time, however fast ends follow each other', () => {
  const lag = new PartitionLag(true)
  let nowMs = 0
  for (let end = 1n; end <= 30n; end++) {
    nowMs += 1_000 - Number(end) * 30
    lag.learn(endAt(end, nowMs), 0n, nowMs)
  }
  assert.equal(lag.at(29n, nothing, nowMs + 10).seconds, 0.01)
})

describe('an open transaction', () => {
  test('is open since the last stable offset stayed below the high watermark', () => {
    const lag = new PartitionLag(true)
    lag.learn(endAt(10n, 0), 10n, 0)
    assert.equal(lag.stableSinceMs, undefined)
    lag.learn(endAt(20n, second, 10n), 10n, second)
    lag.learn(endAt(30n, 60 * second, 10n), 10n, 60 * second)
    assert.equal(lag.stableSinceMs, second)
    lag.learn(endAt(40n, 61 * second, 25n), 10n, 61 * second)
    assert.equal(lag.stableSinceMs, 61 * second)
    lag.learn(endAt(40n, 62 * second), 10n, 62 * second)
    assert.equal(lag.stableSinceMs, undefined)
  })
})
