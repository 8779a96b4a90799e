// How this process starts Java processes, for the demo and for tests: the program, and a guarantee
// that a Java process ends no later than this process.
import { spawnSync, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

export function javaProgram (environment: Environment): string {
  const home = environment['JAVA_HOME'] ?? ''
  return home === '' ? 'java' : join(home, 'bin', 'java')
}

let wrapper: readonly string[] | undefined

/**
 * A prefix of the command. With `setpriv --pdeathsig` the kernel kills the child when this process
 * dies, also by SIGKILL, after which no exit hook runs. Other systems have only the hook.
 */
export function deathSignalWrapper (): readonly string[] {
  wrapper ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
    ? ['setpriv', '--pdeathsig', 'KILL']
    : []
  return wrapper
}

/** Also true of a child that never started. */
export function hasExited (child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined
}
