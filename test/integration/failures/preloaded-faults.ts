// Faults inside the process that neither users nor brokers can cause. NODE_OPTIONS=--import loads
// this file into the main thread and every worker before the program's modules; a fault occurs when
// a file of its name appears in the folder that LONGHAUL_TEST_FAULTS names.
import { existsSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

/** `kill-lane` ends one worker; blocked threads stay blocked until the file is removed. */
export type ProcessFault = 'kill-lane' | 'block-lanes' | 'block-main'

const folder = process.env['LONGHAUL_TEST_FAULTS']
const lookMs = 20

function isWanted (fault: ProcessFault): boolean {
  return folder !== undefined && existsSync(join(folder, fault))
}

function take (fault: ProcessFault): boolean {
  if (folder === undefined) return false
  try {
    unlinkSync(join(folder, fault)) // of several threads one succeeds
    return true
  } catch {
    return false
  }
}

function block (fault: ProcessFault): void {
  if (folder === undefined || !isWanted(fault)) return
  writeFileSync(join(folder, `${fault}.done`), '')
  const cell = new Int32Array(new SharedArrayBuffer(4))
  while (isWanted(fault)) Atomics.wait(cell, 0, 0, lookMs)
}

if (folder !== undefined) {
  setInterval(() => {
    if (isMainThread) {
      block('block-main')
    } else {
      block('block-lanes')
      if (take('kill-lane')) throw new Error('killed by its test')
    }
  }, lookMs).unref()
}
