// The addon and the TypeScript of one build have one contract; another addon is refused.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contractFingerprint } from '../../src/dataplane/contract/fingerprint.generated.ts'
import {
  explainLoadError, loadAddon, refuseOtherContract, refuseOtherNode
} from '../../src/dataplane/load-addon.ts'

test('the addon of this build has the contract of this build', () => {
  assert.match(contractFingerprint, /^[0-9a-f]{16}$/)
  assert.equal('contractFingerprint' in loadAddon(), true)
})

// A clone that was pulled and not built anew: the rows of counters had other columns, and nothing
// said so.
test('an addon that was compiled from other tables is refused, with the way out', () => {
  const others = [[{}, 'unknown'], [{ contractFingerprint: '0123' }, '0123']] as const
  for (const [addon, name] of others) {
    assert.throws(() => { refuseOtherContract(addon) },
      new RegExp(`compiled from other sources \\(contract ${name}, not ${contractFingerprint}\\).` +
        ' Run `npm run build`\\.$'))
  }
})

describe('a package', () => {
  const needs = { nodeMajors: [20, 22], glibc: '2.36' }

  test('refuses a version of Node that it has no addon for, and a clone refuses none', () => {
    assert.throws(() => { refuseOtherNode(needs, '26.1.0') },
      /runs with Node 20, 22, and this is Node 26\.1\.0: start it with one of those/)
    refuseOtherNode(needs, '22.5.0')
    refuseOtherNode(undefined, '26.1.0')
  })

  test('names the glibc that it needs, and a clone its build', () => {
    const error = new Error('/lib/libc.so.6: version `GLIBC_2.36\' not found\nRequire stack')
    assert.match(explainLoadError(error, needs).message,
      /GLIBC_2\.36' not found\. This package needs glibc 2\.36 or later/)
    assert.match(explainLoadError(error, undefined).message, /Run `npm run build`\.$/)
  })
})
