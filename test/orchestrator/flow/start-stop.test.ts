// A mirror that is started and stopped a few times. In so short a run the growth of glibc's arenas,
// V8's heap and the mocks' logs hides a small leak: start-stop.long.test.ts finds that.
import { test } from 'node:test'
import { startAndStop } from './start-stop.ts'

const megabytesPerCycleMax = 4

test('12 starts and stops leak no resources', { timeout: 240_000 }, async t => {
  await startAndStop(t, 12, megabytesPerCycleMax * 1024 * 1024)
})
