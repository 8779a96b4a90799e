// An adopted connection's SSL object was made by librdkafka and is used by the addon: both have to
// call the OpenSSL that node carries. A function that node does not export would be found in the
// system's libssl, and be called with an object of another library.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'node:test'
import { repoRoot } from '../kafka/repo-root.ts'

interface Binding { readonly library: string, readonly symbol: string }

function bindingsOf (addon: string): Binding[] {
  const { stderr } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(addon)})`], {
    env: { ...process.env, LD_BIND_NOW: '1', LD_DEBUG: 'bindings' },
    encoding: 'utf8',
    maxBuffer: 1 << 28
  })
  const line = /binding file \S*dataplane\.node \[\d+\] to (\S+) \[\d+\]: \w+ symbol `(\w+)'/g
  return [...stderr.matchAll(line)].map(([, library = '', symbol = '']) => ({ library, symbol }))
}

test('every OpenSSL function of the addon is node\'s', () => {
  const all = bindingsOf(join(repoRoot(), 'build/Release/dataplane.node'))
  const tls = all.filter(({ symbol }) => /^(SSL|BIO|ERR|X509|EVP)_/.test(symbol))
  const owner = (name: string): string | undefined =>
    tls.find(({ symbol }) => symbol === name)?.library
  assert.ok(tls.some(({ symbol }) => symbol === 'SSL_read'), 'the addon reads by SSL_read')
  const foreign = tls.filter(({ symbol, library }) =>
    symbol.startsWith('SSL_') && library !== owner('SSL_new'))
  assert.deepEqual(foreign, [])
  assert.equal(owner('SSL_new'), process.execPath)
})
