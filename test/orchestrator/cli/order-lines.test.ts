// Which orders in force `status` prints, and with what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orderLines } from '../../../src/orchestrator/cli/order-lines.ts'
import { ControlState } from '../../../src/orchestrator/control/control-state.ts'

const said = { by: 'ann', atMs: 0, reason: 'ticket 17' }
const why = 'by ann at 1970-01-01T00:00:00.000Z: ticket 17'

// Regression: status showed neither pauses with who, when and why, nor skips, nor the log level;
// and nothing of a pause of a topic that the flow does not mirror now.
test('each kind of order has a line with who, when and why', () => {
  const orders = new ControlState()
  assert.deepEqual(orderLines(orders, 0), [])
  assert.deepEqual(orderLines(orders, 1024), ['bandwidth limited to 1KiB/s by bandwidth.max'])
  orders.apply({ kind: 'pause', scope: {}, isPaused: true, ...said })
  orders.apply({ kind: 'pause', scope: { topic: 'no-topic' }, isPaused: true, ...said })
  orders.apply({ kind: 'pause', scope: { topic: 'a', partition: 3 }, isPaused: true, ...said })
  orders.apply({ kind: 'skip', source: { topic: 'b', partition: 1 }, id: 'i', to: 7n, ...said })
  orders.apply({ kind: 'logLevel', level: 'debug', ...said })
  orders.apply({ kind: 'throttle', bytesPerSecond: 2048, ...said })
  orders.apply({ kind: 'share', scope: { topic: 'a' }, percent: 30, ...said })
  assert.deepEqual(orderLines(orders, 1024), [
    `bandwidth limited to 2KiB/s ${why}`,
    `log level debug ${why}`,
    `the flow is paused ${why}`,
    `no-topic is paused ${why}`,
    `a-3 is paused ${why}`,
    `b-1 skips to source offset 7, which no process has done yet, ${why}`,
    `share of a in the bandwidth 30 % ${why}`
  ])
})

test('twenty orders have a line, and the others are counted', () => {
  const orders = new ControlState()
  for (let partition = 0; partition < 25; partition++) {
    orders.apply({ kind: 'pause', scope: { topic: 'a', partition }, isPaused: true, ...said })
  }
  const lines = orderLines(orders, 0)
  assert.equal(lines.length, 21)
  assert.equal(lines.at(-1), '5 more orders are in force: longhaul status -o json')
})
