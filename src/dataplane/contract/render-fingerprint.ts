// The fingerprint of the native contract, rendered for both sides: the addon exports its own, and
// load-addon.ts refuses an addon that was compiled from other tables.
import { createHash } from 'node:crypto'
import { renderContract } from './render-contract.ts'

/** Comments do not count: they change nothing that either side reads. */
function fingerprint (): string {
  const code = renderContract().replaceAll(/ *\/\/.*/g, '')
  return createHash('sha256').update(code).digest('hex').slice(0, 16)
}

/** The text of src/dataplane/contract/fingerprint.generated.ts. */
export function renderFingerprint (): string {
  return [
    '// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.',
    `export const contractFingerprint = '${fingerprint()}'`,
    ''
  ].join('\n')
}

/** The text of src/dataplane/binding/fingerprint.generated.cc. */
export function renderNativeFingerprint (): string {
  return [
    '// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.',
    '#include "binding/fingerprint.h"',
    '',
    'namespace longhaul {',
    '',
    `const char* ContractFingerprint() { return "${fingerprint()}"; }`,
    '',
    '}  // namespace longhaul',
    ''
  ].join('\n')
}
