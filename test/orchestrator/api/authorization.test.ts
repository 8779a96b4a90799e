// Who may use the API: by the address that it is bound to, the method, the token and the header
// Host.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeAccess, type AccessRequest, type AccessRules } from
  '../../../src/orchestrator/api/authorization.ts'

const token = 'a-token-of-24-characters'
const isSigned = (sent: string): boolean => sent === 'Longhaul-Member signed'
const local: AccessRules = { token, host: '127.0.0.1', isTls: false, isSigned }
const remote: AccessRules = { token, host: '0.0.0.0', isTls: true, isSigned }
const read: AccessRequest = { method: 'GET', authorization: undefined, host: 'localhost:9584' }
const change: AccessRequest = { ...read, method: 'POST' }

function statusOf (request: AccessRequest, rules: AccessRules): number {
  const access = judgeAccess(request, rules)
  return access.isAllowed ? 200 : access.status
}

const withToken = (request: AccessRequest, sent = token): AccessRequest =>
  ({ ...request, authorization: `Bearer ${sent}` })

test('reads on loopback are open, changes need the token', () => {
  assert.equal(statusOf(read, local), 200)
  assert.equal(statusOf({ ...read, method: 'HEAD' }, local), 200)
  assert.equal(statusOf(change, local), 401)
  assert.equal(statusOf(withToken(change), local), 200)
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'QUERY', 'get']) {
    assert.equal(statusOf({ ...read, method }, local), 401, method)
  }
})

test('beyond loopback a read needs the token, too', () => {
  assert.equal(statusOf(read, remote), 401)
  assert.equal(statusOf(withToken(read), remote), 200)
  assert.equal(statusOf(withToken(change), remote), 200)
})

test('a token never travels in clear beyond loopback', () => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'mirror.example', '127.0.0.1.example']) {
    assert.equal(statusOf(withToken(read), { ...remote, host, isTls: false }), 403, host)
  }
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost']) {
    assert.equal(statusOf(withToken(change), { ...local, host }), 200, host)
  }
})

test('a wrong token is refused, whatever its length', () => {
  const wrong = ['', 'x', token.slice(1), `${token}x`, token.toUpperCase(), `${token} x`]
  for (const sent of wrong) {
    assert.equal(statusOf(withToken(change, sent), local), 401, sent)
  }
  for (const authorization of [token, `Basic ${token}`, 'Bearer', 'Bearer ']) {
    assert.equal(statusOf({ ...change, authorization }, local), 401, authorization)
  }
})

test('the signature of another process allows a read, and no change', () => {
  const authorization = 'Longhaul-Member signed'
  for (const method of ['GET', 'HEAD']) {
    assert.equal(statusOf({ ...read, method, authorization }, remote), 200, method)
  }
  for (const rules of [local, remote]) {
    assert.equal(statusOf({ ...change, authorization }, rules), 401)
    assert.equal(statusOf({ ...change, method: 'DELETE', authorization }, rules), 401)
  }
  assert.equal(statusOf({ ...read, authorization: 'Longhaul-Member other' }, remote), 401)
  assert.equal(statusOf({ ...read, authorization }, { ...remote, isTls: false }), 403)
})

// An empty token must not match an empty header.
test('without api.token nothing but reads on loopback is allowed', () => {
  const rules = { ...local, token: '' }
  assert.equal(statusOf(read, rules), 200)
  for (const sent of ['', 'x', 'undefined']) {
    assert.equal(statusOf(withToken(change, sent), rules), 403)
    assert.equal(statusOf(withToken(read, sent), { ...remote, token: '' }), 403)
  }
})

// Mechanism: DNS rebinding. A page of another site resolves its own name to 127.0.0.1, so the
// browser lets the page read the answers of this server.
test('a read without a token must name this machine', () => {
  const others = ['evil.example', 'evil.example:9584', '127.0.0.1.evil.example', undefined, '']
  for (const host of others) {
    assert.equal(statusOf({ ...read, host }, local), 403, host)
    assert.equal(statusOf(withToken({ ...read, host }), local), 200, host)
  }
  for (const host of ['127.0.0.1', '127.0.0.1:9584', '[::1]:9584', 'LOCALHOST:1']) {
    assert.equal(statusOf({ ...read, host }, local), 200, host)
  }
})
