// A running flow receives another configuration: it drains, restarts, mirrors the topics of the new
// configuration, and continues at its positions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMockCluster } from '../../../src/dataplane/index.ts'
import { Mirror } from '../../../src/orchestrator/flow/mirror.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { eventually } from '../../kafka/eventually.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { parseConfigOf } from '../config/create-config.ts'
import { silentLog } from '../observability/silent-log.ts'

test('a running flow restarts with another configuration', { timeout: 60_000 }, async t => {
  const one = (name: string) => ({ name, partitions: 1, replicationFactor: 1 })
  const source = openMockCluster({ brokers: 1, topics: [one('orders'), one('payments')] })
  const target = openMockCluster({
    brokers: 1,
    topics: [one('A.orders'), one('A.payments'), one('longhaul-progress.A.internal')]
  })
  t.after(() => {
    source.close()
    target.close()
  })
  const configOf = (topics: string) => parseConfigOf([
    'clusters = A, B',
    `A.bootstrap.servers = ${source.bootstrapServers()}`,
    `B.bootstrap.servers = ${target.bootstrapServers()}`,
    'A->B.enabled = true',
    `A->B.topics = ${topics}`,
    'metrics.port = -1',
    'task.slots = 1'
  ])
  const write = async (topic: string, count: number): Promise<void> => {
    await produce(source.bootstrapServers(), topic, Array.from({ length: count },
      (_, index) => ({ value: `record ${index}`, partition: 0 })))
  }
  const mirror = new Mirror({ config: configOf('orders'), log: silentLog, clock: systemClock })
  const records = (): number => mirror.totals.reduce((sum, flow) => sum + flow.records, 0)
  try {
    assert.deepEqual(await mirror.start(), [])
    await write('orders', 10)
    await eventually('the first records', () => records() === 10)
    mirror.restart('A->B', configOf('orders, payments').flows[0])
    await write('orders', 5)
    await write('payments', 3)
    // Without the positions the first ten records would be counted twice.
    await eventually('the records of both topics', () => records() >= 18)
    assert.equal(records(), 18)
    assert.deepEqual(mirror.totals[0]?.topics.map(({ topic }) => topic), ['orders', 'payments'])
  } finally {
    assert.equal(await mirror.stop(5_000), true)
  }
})
