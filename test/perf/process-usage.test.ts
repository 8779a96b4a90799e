// CPU and memory of a process and of its children, from /proc.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readUsage } from '../../src/orchestrator/bench/process-usage.ts'
import { groupOf, readThreadUsage, subtractUsage } from '../../perf/measure/thread-usage.ts'
import { eventually } from '../kafka/eventually.ts'
import { killChild, spawnGuarded } from '../kafka/process-guard.ts'

// Spins for 300 ms, prints a line, and runs until its input ends: a grandchild outlives a killed
// child, but not the pipe from here that both have inherited.
const spin = `
  while (process.cpuUsage().user < 300_000);
  console.log('done'); process.stdin.on('end', () => process.exit()).resume()`
const spinInChild = `
  require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(spin)}],
    { stdio: 'inherit' }); setInterval(() => {}, 1000)`

describe('process usage', { timeout: 180_000 }, () => {
  for (const [where, script] of [['a process', spin], ['its child', spinInChild]] as const) {
    test(`counts the time and memory of ${where}`, async t => {
      const child = spawnGuarded(process.execPath, ['-e', script], {
        stdio: ['pipe', 'pipe', 'inherit']
      })
      t.after(async () => { child.stdin?.end(); await killChild(child) })
      await new Promise(resolve => child.stdout?.once('data', resolve))
      const usage = readUsage(child.pid ?? 0)
      assert.ok(usage !== undefined)
      assert.ok(usage.cpuSeconds >= 0.29 && usage.cpuSeconds < 5, `${usage.cpuSeconds} s`)
      assert.ok(usage.peakRssBytes > 20e6, `${usage.peakRssBytes} bytes`)
      // Each of these pages was touched for the first time.
      assert.ok(usage.minorFaults > 20e6 / 4096 / 4, `${usage.minorFaults} faults`)
      assert.ok(usage.voluntarySwitches > 0)
    })
  }

  test('is reported by groups of threads', async t => {
    const child = spawnGuarded(process.execPath, ['-e', spin], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    t.after(async () => { child.stdin?.end(); await killChild(child) })
    const before = readThreadUsage(child.pid ?? 0)
    await new Promise(resolve => child.stdout?.once('data', resolve))
    const spent = subtractUsage(readThreadUsage(child.pid ?? 0), before)
    assert.ok((spent['node, main thread'] ?? 0) > 0.2, JSON.stringify(spent))
    assert.equal(groupOf(false, 'longhaul:lane'), 'lane loops')
    assert.equal(groupOf(false, 'rdk:broker2'), 'broker threads of the target')
    assert.equal(groupOf(false, 'rdk:broker-1'), 'other threads of librdkafka')
  })

  test('returns nothing for a process that has ended', async () => {
    const child = spawnGuarded('true', [], { stdio: 'ignore' })
    const pid = child.pid ?? 0
    await eventually('end of the child', () => child.exitCode !== null)
    assert.equal(readUsage(pid), undefined)
  })
})
