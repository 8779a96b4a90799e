// Started and stopped repeatedly in one process, a mirror leaks nothing: no descriptor, no thread,
// no timer, and no memory that grows with the count.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openMockCluster } from '../../../src/dataplane/index.ts'
import { Mirror } from '../../../src/orchestrator/flow/mirror.ts'
import { countRunning } from '../../../src/orchestrator/observability/partition-totals.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { eventually } from '../../kafka/eventually.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { parseConfigOf } from '../config/create-config.ts'
import { silentLog } from '../observability/silent-log.ts'

// After these cycles pools, caches and lazily created threads exist.
const warmUpCycles = 4
const records = 50
// A sample may include a socket that its peer has not closed yet.
const slack = 3

interface Holdings {
  readonly descriptors: number
  readonly threads: number
  readonly resources: number
  readonly rss: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function takeStock (): Holdings {
  collectGarbage()
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    resources: process.getActiveResourcesInfo().length,
    rss: process.memoryUsage.rss()
  }
}

export async function startAndStop (
  t: TestContext, cycles: number, bytesPerCycleMax: number
): Promise<void> {
  const topics = [{ name: 'orders', partitions: 2, replicationFactor: 1 }]
  const source = openMockCluster({ brokers: 1, topics })
  const target = openMockCluster({ brokers: 1, topics: [] })
  t.after(() => {
    source.close()
    target.close()
  })
  await produce(source.bootstrapServers(), 'orders', Array.from({ length: records },
    (_, index) => ({ value: `record ${index}`, partition: index % 2 })))
  const stock: Holdings[] = []
  for (let cycle = 0; cycle < cycles; cycle++) {
    // Another flow for each cycle: a mock keeps a group that waits for a session, and does not
    // create topics on request.
    const alias = `A${cycle}`
    for (const name of [`${alias}.orders`, `longhaul-progress.${alias}.internal`]) {
      target.createTopic({ name, partitions: 2, replicationFactor: 1 })
    }
    const config = parseConfigOf([
      `clusters = ${alias}, B`,
      `${alias}.bootstrap.servers = ${source.bootstrapServers()}`,
      `B.bootstrap.servers = ${target.bootstrapServers()}`,
      `${alias}->B.enabled = true`,
      `${alias}->B.topics = orders`,
      'metrics.port = 0',
      'task.slots = 2'
    ])
    const mirror = new Mirror({ config, log: silentLog, clock: systemClock })
    try {
      assert.deepEqual(await mirror.start(), [])
      await eventually('running partitions', () => mirror.totals.some(({ partitionsByState }) =>
        countRunning(partitionsByState) === 2), { timeoutMs: 15_000 })
    } finally {
      assert.equal(await mirror.stop(5_000), true)
    }
    stock.push(takeStock())
  }
  const [warm, last] = [stock[warmUpCycles - 1], stock.at(-1)]
  assert.ok(warm !== undefined && last !== undefined)
  t.diagnostic(`after ${warmUpCycles}: ${JSON.stringify(warm)}`)
  t.diagnostic(`after ${cycles}: ${JSON.stringify(last)}`)
  for (const kind of ['descriptors', 'threads', 'resources'] as const) {
    assert.ok(last[kind] <= warm[kind] + slack, `${kind}: ${stock.map(each => each[kind]).join()}`)
  }
  const bytesPerCycle = (last.rss - warm.rss) / (cycles - warmUpCycles)
  assert.ok(bytesPerCycle < bytesPerCycleMax, `${bytesPerCycle} bytes more a cycle`)
}
