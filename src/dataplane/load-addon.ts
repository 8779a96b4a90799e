// Loads the native addon. An addon that was compiled from other contract tables would read and
// write wrong columns without an error, so it is refused.
import { createRequire } from 'node:module'
import { contractFingerprint } from './contract/fingerprint.generated.ts'

interface Fingerprinted {
  /** Undefined: the addon is older than fingerprints. */
  readonly contractFingerprint?: string
}

/** What the tarball of `npm run package` needs (.ci/package); undefined in a clone. */
export interface PackageNeeds {
  readonly nodeMajors: readonly number[]
  readonly glibc: string
}

export function refuseOtherContract (addon: Fingerprinted): void {
  if (addon.contractFingerprint === contractFingerprint) return
  throw new Error('The native addon build/Release/dataplane.node was compiled from other sources ' +
    `(contract ${addon.contractFingerprint ?? 'unknown'}, not ${contractFingerprint}). ` +
    'Run `npm run build`.')
}

/** node-rdkafka's addon would fail later, with the list of all paths where none was found. */
export function refuseOtherNode (needs: PackageNeeds | undefined, version: string): void {
  if (needs?.nodeMajors.includes(Number.parseInt(version, 10)) !== false) return
  throw new Error(`This package runs with Node ${needs.nodeMajors.join(', ')}, and this is ` +
    `Node ${version}: start it with one of those, or build Longhaul from its repository.`)
}

/** The error of a failed load, with what to do. */
export function explainLoadError (error: unknown, needs: PackageNeeds | undefined): Error {
  const text = error instanceof Error ? error.message.split('\n')[0] : String(error)
  const wayOut = needs === undefined
    ? 'Run `npm run build`.'
    : `This package needs glibc ${needs.glibc} or later; on an older system build Longhaul from ` +
      'its repository.'
  return new Error(`The native addon cannot be loaded: ${text}. ${wayOut}`, { cause: error })
}

export function loadAddon (): object {
  const load = createRequire(import.meta.url)
  const { longhaul: needs } = load('../../../package.json') as { longhaul?: PackageNeeds }
  refuseOtherNode(needs, process.versions.node)
  let addon: Fingerprinted
  try {
    addon = load('../../../build/Release/dataplane.node') as Fingerprinted
  } catch (error) {
    throw explainLoadError(error, needs)
  }
  refuseOtherContract(addon)
  return addon
}
