// The files that a configuration names: which of them were replaced since it was read.
import assert from 'node:assert/strict'
import { rootCertificates } from 'node:tls'
import { test } from 'node:test'
import { compareConfigs } from '../../../src/orchestrator/config/config-changes.ts'
import { replacedFiles } from '../../../src/orchestrator/config/read-files.ts'
import { createConfig } from './create-config.ts'

const secured = [
  'A.security.protocol=SSL',
  'A.ssl.truststore.location=/etc/mirror/ca.pem',
  'B.security.protocol=SSL',
  'B.ssl.ca.location=/etc/mirror/b.pem',
  'B.ssl.key.password=${file:/etc/mirror/secrets:key}'
]

const [authority = '', another = ''] = rootCertificates

const inUse: Readonly<Record<string, string>> = {
  '/etc/mirror/ca.pem': authority,
  '/etc/mirror/b.pem': 'authority of B',
  '/etc/mirror/secrets': 'key=secret'
}

function readFrom (files: Readonly<Record<string, string>>): (path: string) => Buffer {
  return path => {
    const text = files[path]
    if (text === undefined) throw new Error(`no such file: ${path}`)
    return Buffer.from(text)
  }
}

const read = (files: Readonly<Record<string, string>>) =>
  createConfig(secured, { readFile: readFrom(files) })

test('stores, files that librdkafka reads and files of config providers are included', () => {
  const { files } = read(inUse)
  assert.deepEqual([...files.keys()].sort(), Object.keys(inUse).sort())
  assert.deepEqual(replacedFiles(files, readFrom(inUse)), [])
  for (const path of Object.keys(inUse)) {
    assert.deepEqual(replacedFiles(files, readFrom({ ...inUse, [path]: 'another' })), [path])
  }
  const { '/etc/mirror/ca.pem': _, ...others } = inUse
  assert.deepEqual(replacedFiles(files, readFrom(others)), ['/etc/mirror/ca.pem'])
})

// librdkafka receives only the path, which stays the same.
test('a certificate that was replaced under its name changes the flows that use it', () => {
  const cases = [
    ['/etc/mirror/ca.pem', another, ['A.ssl.ca.location']],
    ['/etc/mirror/b.pem', 'another', ['B.ssl.ca.location']],
    ['/etc/mirror/secrets', 'key=other', ['B.ssl.key.password']]
  ] as const
  for (const [path, text, lines] of cases) {
    const { changed } = compareConfigs(read(inUse), read({ ...inUse, [path]: text }))
    assert.deepEqual(changed.map(({ isLive, lines }) => [isLive, lines]), [[false, lines]])
  }
})
