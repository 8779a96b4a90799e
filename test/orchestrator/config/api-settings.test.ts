// The settings of the API: no token in clear beyond loopback, and no unusable certificate.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareConfigs } from '../../../src/orchestrator/config/config-changes.ts'
import { createConfig, problemsOf, twoClusters } from './create-config.ts'

const token = 'api.token = a-token-of-24-characters'

test('a token beyond loopback needs a certificate', () => {
  const [problem] = problemsOf([...twoClusters, token, 'metrics.host = 0.0.0.0'])
  assert.match(problem ?? '', /the token would travel in clear; set api\.tls\.certificate/)
  assert.deepEqual(problemsOf([...twoClusters, token, 'metrics.host = ::1']), [])
  assert.deepEqual(problemsOf([...twoClusters, 'metrics.host = 0.0.0.0']), [])
  assert.deepEqual(
    problemsOf([...twoClusters, token, 'metrics.host = 0.0.0.0', 'metrics.port = -1']), [])
})

test('a short token is refused and not shown', () => {
  const [problem = ''] = problemsOf([...twoClusters, 'api.token = hunter2'])
  assert.match(problem, /api\.token=\[redacted\].*16 to 512 characters/)
})

test('a certificate without its key, and unusable files, are refused by name', () => {
  const [alone = ''] = problemsOf([...twoClusters, 'api.tls.certificate.location = c.pem'])
  assert.match(alone, /set api\.tls\.key\.location/)
  const files = ['api.tls.certificate.location = c.pem', 'api.tls.key.location = k.pem']
  const [missing = ''] = problemsOf([...twoClusters, ...files])
  assert.match(missing, /api\.tls\.certificate\.location=c\.pem cannot be read: no such file/)
  const [unusable = ''] = problemsOf([...twoClusters, ...files],
    { readFile: () => Buffer.from('no certificate') })
  assert.match(unusable, /c\.pem and api\.tls\.key\.location=k\.pem cannot be used together/)
})

// All values of a secret are shown alike, so a comparison of what is shown finds no change.
test('another token is a live change, and is not shown', () => {
  const changes = compareConfigs(createConfig([token]), createConfig([`${token}-x`]))
  assert.deepEqual(changes.process, ['api.token: [redacted] -> [redacted]'])
  assert.deepEqual(changes.needRestart, [])
})
