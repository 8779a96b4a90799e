// The line about a cluster that flows share, while their process runs: unit tests of the problems
// call tick() themselves, and would pass if the process never did.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMockCluster } from '../../../src/dataplane/index.ts'
import { Mirror } from '../../../src/orchestrator/flow/mirror.ts'
import { systemClock, type Clock } from '../../../src/orchestrator/time/clock.ts'
import { eventually } from '../../kafka/eventually.ts'
import { parseConfigOf } from '../config/create-config.ts'
import { recordingLog } from '../observability/recording-log.ts'

/** How many seconds of the mirror one second lasts. */
const haste = 30

const hastyClock: Clock = {
  now: () => systemClock.now() * haste,
  monotonic: () => systemClock.monotonic() * haste,
  sleep: async (ms, signal) => { await systemClock.sleep(ms / haste, signal) }
}

test('a process repeats once a minute that a cluster of two flows does not answer',
  { timeout: 60_000 }, async t => {
    const source = openMockCluster({ brokers: 1, topics: [] })
    t.after(() => { source.close() })
    const lines: string[] = []
    const mirror = new Mirror({
      config: parseConfigOf([
        'clusters = A, B, C',
        `A.bootstrap.servers = ${source.bootstrapServers()}`,
        'B.bootstrap.servers = 127.0.0.1:1',
        `C.bootstrap.servers = ${source.bootstrapServers()}`,
        'A->B.enabled = true',
        'C->B.enabled = true',
        'metrics.port = -1'
      ]),
      log: recordingLog(lines),
      clock: hastyClock
    })
    const aboutB = (): readonly string[] =>
      lines.filter(line => line.includes('CLUSTER_UNREACHABLE'))
    try {
      assert.equal((await mirror.start()).length, 2)
      assert.equal(aboutB().length, 1, aboutB().join('\n'))
      await eventually('the line after a minute', () =>
        aboutB().some(text => / \[for (6|7|8|9)\d s\]/.test(text)), { timeoutMs: 20_000 })
      assert.equal(aboutB().length, 2, aboutB().join('\n'))
    } finally {
      await mirror.stop(5_000)
    }
  })
