// The credential of reads between processes: what it covers, and for how long.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemberSignatures, skewMsMax, type SignedRead } from
  '../../../src/orchestrator/api/member-signature.ts'

const token = 'a-token-of-24-characters'
const read: SignedRead = {
  address: 'https://10.0.0.1:9584', path: '/api/v1/flows/A-%3EB/partitions?limit=100'
}
const nowMs = 1_800_000_000_000

test('a signature is valid for half a minute, before and after', () => {
  const signatures = new MemberSignatures()
  const signed = signatures.sign(token, read, nowMs)
  for (const offsetMs of [0, -skewMsMax, skewMsMax]) {
    assert.equal(new MemberSignatures().isSigned(signed, token, read, nowMs + offsetMs), true)
  }
  for (const offsetMs of [-skewMsMax - 1, skewMsMax + 1]) {
    assert.equal(signatures.isSigned(signed, token, read, nowMs + offsetMs), false)
  }
})

// Mechanism: a process that lies about its address receives a signature. If the signature did not
// cover the address, that process could use it at the address of another one.
test('a signature covers the token, the address, the path and the time', () => {
  const signatures = new MemberSignatures()
  const signed = signatures.sign(token, read, nowMs)
  const [, at = '', mac = ''] = /^Longhaul-Member (\d+)\.(.*)$/.exec(signed) ?? []
  const isSigned = (
    header: string | undefined, of = token, as: Partial<SignedRead> = {}
  ): boolean => signatures.isSigned(header, of, { ...read, ...as }, nowMs)
  assert.equal(isSigned(signed), true)
  assert.equal(isSigned(signed, `${token}x`), false)
  assert.equal(isSigned(signed, token, { address: 'https://10.0.0.2:9584' }), false)
  assert.equal(isSigned(signed, token, { path: `${read.path}0` }), false)
  assert.equal(isSigned(`Longhaul-Member ${Number(at) + 1}.${mac}`), false)
  const changed = mac.replace(/^./, each => each === 'A' ? 'B' : 'A')
  assert.equal(isSigned(`Longhaul-Member ${at}.${changed}`), false)
  for (const header of [undefined, '', `Bearer ${token}`, 'Longhaul-Member', `${signed}x`,
    `Longhaul-Member ${at}.`, `longhaul-member ${at}.${mac}`]) {
    assert.equal(isSigned(header), false, header)
  }
  assert.ok(!signed.includes(token))
})

test('without a token or an address of its own, a process accepts no signature', () => {
  const signatures = new MemberSignatures()
  const nowhere = { ...read, address: '' }
  assert.equal(signatures.isSigned(signatures.sign('', read, nowMs), '', read, nowMs), false)
  assert.equal(signatures.isSigned(signatures.sign(token, nowhere, nowMs), token, nowhere, nowMs),
    false)
})
