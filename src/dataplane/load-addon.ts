// Loads the native addon. An addon that was compiled from other contract tables would read and
// write wrong columns without an error, so it is refused.
import { createRequire } from 'node:module'
import { contractFingerprint } from './contract/fingerprint.generated.ts'

interface Fingerprinted {
  /** Undefined: the addon is older than fingerprints. */
  readonly contractFingerprint?: string
}

export function refuseOtherContract (addon: Fingerprinted): void {
  if (addon.contractFingerprint === contractFingerprint) return
  throw new Error('The native addon build/Release/dataplane.node was compiled from other sources ' +
    `(contract ${addon.contractFingerprint ?? 'unknown'}, not ${contractFingerprint}). ` +
    'Run `npm run build`.')
}

export function loadAddon (): object {
  const addon = createRequire(import.meta.url)(
    '../../../build/Release/dataplane.node') as Fingerprinted
  refuseOtherContract(addon)
  return addon
}
