// Starts a process with preloaded-faults.ts, and begins and ends its faults.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTempFolder, removeFolder } from '../../kafka/process-guard.ts'
import type { CleanUp } from '../mirror-process.ts'
import type { ProcessFault } from './preloaded-faults.ts'

const preload = new URL('./preloaded-faults.js', import.meta.url)

/** The environment of a process in which the returned functions cause faults. */
export function createFaults (t: CleanUp): {
  readonly env: NodeJS.ProcessEnv
  readonly begin: (fault: ProcessFault) => void
  readonly end: (fault: ProcessFault) => void
  readonly hasBegun: (fault: ProcessFault) => boolean
} {
  const folder = createTempFolder('faults')
  t.after(async () => { removeFolder(folder) })
  return {
    env: { LONGHAUL_TEST_FAULTS: folder, NODE_OPTIONS: `--import ${preload.href}` },
    begin: fault => { writeFileSync(join(folder, fault), '') },
    end: fault => { rmSync(join(folder, fault)) },
    hasBegun: fault => existsSync(join(folder, `${fault}.done`))
  }
}
