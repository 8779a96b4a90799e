// A Debian whose first process is systemd, in the namespaces of systemd-nspawn. It shares the
// network with this machine, so that its services reach the brokers of a test.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../kafka/eventually.ts'
import type { CleanUp } from '../kafka/failed-test.ts'
import { hasExited, spawnGuarded, stopChild } from '../kafka/process-guard.ts'
import { debianWithNode, missingFor } from './debian-tree.ts'

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** A reason to skip the tests of services; undefined: none. */
export const noSystemd = missingFor(['systemd-nspawn', 'nsenter', 'debootstrap'],
  'systemd-container util-linux debootstrap')

export interface SystemdMachine {
  /** Runs a program there; fails unless it ends with 0. Returns its output. */
  readonly run: (...words: readonly string[]) => string
  /** The same, with the exit code, whatever it is. */
  readonly tryRun: (...words: readonly string[]) => { status: number | null, output: string }
}

/** Ends with the test, with everything that was written there. `/files` is the folder. */
export async function startSystemd (t: CleanUp, files: string): Promise<SystemdMachine> {
  const tree = debianWithNode(['systemd', 'dbus'])
  const child = spawnGuarded('systemd-nspawn', ['--quiet', '--register=no', '--keep-unit',
    '--volatile=overlay', '--console=pipe', `--machine=longhaul-${process.pid}`,
    `--bind-ro=${files}:/files`, '--directory', tree, '--boot'],
  { stdio: ['ignore', 'ignore', 'inherit'] })
  t.after(async () => { await stopChild(child, 60_000) })
  const first = await eventually('the first process of the machine', () => {
    if (hasExited(child)) throw new Error(`systemd-nspawn ended with ${child.exitCode}`)
    const children = `/proc/${child.pid}/task/${child.pid}/children`
    const pid = existsSync(children)
      ? readFileSync(children, 'utf8').trim().split(' ')[0]
      : undefined
    return pid !== undefined && nameOf(pid) === 'systemd' && pid
  })
  const tryRun = (...words: readonly string[]): { status: number | null, output: string } => {
    const { error, status, stderr, stdout } = spawnSync('nsenter',
      ['--target', first, '--all', ...words], { encoding: 'utf8', env: { PATH: path } })
    if (error !== undefined) throw error
    return { status, output: stdout + stderr }
  }
  await eventually('a machine that runs', () =>
    tryRun('systemctl', 'is-system-running').output.trim() === 'running')
  return {
    tryRun,
    run: (...words) => {
      const { output, status } = tryRun(...words)
      if (status === 0) return output
      throw new Error(`${words.join(' ')}: ${status}\n${output}`)
    }
  }
}

function nameOf (pid: string): string | undefined {
  const comm = join('/proc', pid, 'comm')
  return existsSync(comm) ? readFileSync(comm, 'utf8').trim() : undefined
}
