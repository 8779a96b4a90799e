// A check that fails or has no result in time is a finding, and the others are not affected.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CheckContext } from '../../../src/orchestrator/doctor/check.ts'
import { runCheck } from '../../../src/orchestrator/doctor/run-checks.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

function createContext (stop = new AbortController()) {
  const clock = new ManualClock()
  const context = { clock, signal: stop.signal, config: { name: 'A->B' } } as unknown as
    CheckContext
  return { clock, context }
}

test('a check that fails is a warning with the error', async () => {
  const { clock, context } = createContext()
  const fails = async () => { throw new ReplicatorError('CLUSTER_UNREACHABLE', 'cluster A') }
  const [finding] = await runCheck({ name: 'any', run: fails }, context)
  assert.equal(finding?.severity, 'warning')
  assert.equal(finding.check, 'any')
  assert.match(finding.measured, /cluster A/)
  await settle()
  assert.equal(clock.sleeping, 0, 'no timer is left')
})

test('a check without a result in time is a warning, and learns that it must stop', async () => {
  const { clock, context } = createContext()
  let given: AbortSignal | undefined
  const running = runCheck({
    name: 'any',
    run: async ({ signal }) => {
      given = signal
      return await new Promise(() => {})
    }
  }, context, 5_000)
  await clock.advance(4_999)
  assert.equal(given?.aborted, false)
  await clock.advance(1)
  const [finding] = await running
  assert.match(finding?.measured ?? '', /no result within 5 s/)
  assert.equal(given.aborted, true)
})

test('a stop of the doctor ends a check that fails because of it', async () => {
  const stop = new AbortController()
  const { context } = createContext(stop)
  stop.abort(new Error('stopped'))
  const fails = async () => { throw new ReplicatorError('CLOSED', 'client') }
  await assert.rejects(runCheck({ name: 'any', run: fails }, context), /stopped/)
})
