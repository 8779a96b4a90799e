// How a limit of the bandwidth is divided over the lanes of a process.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  divideBandwidth, type LaneTraffic
} from '../../../src/orchestrator/flow/bandwidth-shares.ts'

const lanes = fc.array(fc.record({
  bytesPerSecond: fc.integer({ min: 0, max: 2 ** 40 }), hasWaited: fc.boolean()
}), { minLength: 1, maxLength: 64 })

const idle: LaneTraffic = { bytesPerSecond: 0, hasWaited: false }
const waiting = (bytesPerSecond: number): LaneTraffic => ({ bytesPerSecond, hasWaited: true })

describe('shares of a limit of the bandwidth', () => {
  test('together never exceed the limit, and each lane can begin', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 50 }), lanes, (limit, traffic) => {
      const shares = divideBandwidth(limit, traffic)
      const sum = shares.reduce((total, share) => total + share, 0)
      assert.ok(sum <= Math.max(limit * (1 + 1e-9), traffic.length), `${sum} of ${limit}`)
      for (const share of shares) {
        assert.ok(share >= Math.max(1, Math.floor(limit / traffic.length / 8) - 1))
      }
    }))
  })

  test('a lane that waits gets what the others do not need', () => {
    const [busy = 0, quiet = 0] = divideBandwidth(1_000_000, [waiting(500_000), idle])
    assert.ok(busy > 900_000, String(busy))
    assert.ok(quiet > 50_000, String(quiet))
  })

  test('lanes that all wait, or all do not, have equal shares', () => {
    const all = [waiting(1), waiting(600), waiting(300)]
    assert.deepEqual(divideBandwidth(900, all), [300, 300, 300])
    assert.deepEqual(divideBandwidth(900, [idle, idle, idle]), [300, 300, 300])
  })

  test('a lane keeps a quarter more than what it fetches without a wait', () => {
    const steady = { bytesPerSecond: 200_000, hasWaited: false }
    const [first = 0, second = 0] = divideBandwidth(1_000_000, [steady, waiting(800_000)])
    assert.deepEqual([first, second], [250_000, 750_000])
  })
})
