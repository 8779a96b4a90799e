// The process of a contender: its output in a file, its end by pid.

import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasExited, spawnGuarded, stopChild } from '../../test/kafka/process-guard.ts'

const stopTimeoutMs = 30_000

export interface ContenderProcess {
  readonly pid: number
  readonly hasExited: () => boolean
  readonly output: () => string
  readonly outputTail: () => string
  readonly stop: () => Promise<void>
}

export function startProcess (
  folder: string, command: string, args: readonly string[]
): ContenderProcess {
  const path = join(folder, 'output.log')
  const file = openSync(path, 'w')
  const child = spawnGuarded(command, args, { stdio: ['ignore', file, file] })
  closeSync(file)
  // The missing pid or hasExited() shows the failure.
  child.on('error', () => {})
  if (child.pid === undefined) throw new Error(`${command} could not be started`)
  const output = (): string => readFileSync(path, 'utf8')
  return {
    pid: child.pid,
    hasExited: () => hasExited(child),
    output,
    outputTail: () => output().trimEnd().split('\n').slice(-30).join('\n'),
    stop: async () => { await stopChild(child, stopTimeoutMs) }
  }
}
