// The addon and the TypeScript of one build have one contract; another addon is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contractFingerprint } from '../../src/dataplane/contract/fingerprint.generated.ts'
import { loadAddon, refuseOtherContract } from '../../src/dataplane/load-addon.ts'

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
