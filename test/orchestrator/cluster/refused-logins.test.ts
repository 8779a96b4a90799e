// How often new clients try a login that was refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedLogins } from '../../../src/orchestrator/cluster/refused-logins.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { ManualClock } from '../time/manual-clock.ts'

const login = { 'bootstrap.servers': 'a:1', 'sasl.username': 'mirror', 'sasl.password': 'wrong' }
const error = new ReplicatorError('CLUSTER_LOGIN_REFUSED', 'cluster east')

function mayTry (logins: RefusedLogins, properties: Readonly<Record<string, string>>): boolean {
  try {
    logins.mustTry(properties)
    return true
  } catch (thrown) {
    assert.equal(thrown, error)
    return false
  }
}

test('the wait doubles with each refusal up to 5 s, and ends with a login', () => {
  const clock = new ManualClock()
  const logins = new RefusedLogins(clock)
  assert.ok(mayTry(logins, login))
  for (const seconds of [1, 2, 4, 5, 5]) {
    logins.refuse(login, error)
    clock.skip(seconds * 1_000 - 1)
    assert.ok(!mayTry(logins, login), `${seconds} s`)
    clock.skip(1)
    assert.ok(mayTry(logins, login), `${seconds} s`)
  }
  logins.refuse(login, error)
  logins.accept(login)
  assert.ok(mayTry(logins, login))
  logins.refuse(login, error)
  clock.skip(1_000)
  assert.ok(mayTry(logins, login), 'the wait is the first one again')
})

test('clients that are refused together count as one refusal', () => {
  const clock = new ManualClock()
  const logins = new RefusedLogins(clock)
  for (let client = 0; client < 5; client++) logins.refuse(login, error)
  clock.skip(1_000)
  assert.ok(mayTry(logins, login))
})

test('another password is tried at once, whatever else differs', () => {
  const logins = new RefusedLogins(new ManualClock())
  logins.refuse(login, error)
  assert.ok(mayTry(logins, { ...login, 'sasl.password': 'right' }))
  assert.ok(!mayTry(logins, { ...login, 'client.id': 'other' }))
})
