// Child processes and folders that must not outlive this process, however it ends.

import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deathSignalWrapper, hasExited } from '../../src/demo/java-process.ts'

export { hasExited }

/** No program that a test starts may end by one of these, whatever the test expects of it. */
const crashSignals: ReadonlySet<string | null> =
  new Set(['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGTRAP'])

const children = new Set<ChildProcess>()
const folders = new Set<string>()
let exitHookInstalled = false

function installExitHook (): void {
  if (exitHookInstalled) return
  exitHookInstalled = true
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL')
    for (const folder of folders) removeFolder(folder)
  })
}

/**
 * Spawns a child that ends with this process; its pid is the command's own. This process fails if
 * the child crashes, even if nothing reads the exit status of the child.
 */
export function spawnGuarded (
  command: string, args: readonly string[], options: SpawnOptions
): ChildProcess {
  installExitHook()
  const [program = command, ...rest] = [...deathSignalWrapper(), command, ...args]
  const child = spawn(program, rest, options)
  children.add(child)
  child.once('exit', (_code, signal) => {
    children.delete(child)
    if (!crashSignals.has(signal)) return
    process.exitCode = 1
    process.stderr.write(`${[command, ...args].join(' ')} crashed: ${signal}\n`)
  })
  child.once('error', () => children.delete(child))
  return child
}

/** Resolves true once the child has ended, false if it still runs after the bound. */
export async function waitForExit (child: ChildProcess, timeoutMs: number): Promise<boolean> {
  if (hasExited(child)) return true
  return await new Promise(resolve => {
    const onExit = (): void => { clearTimeout(timer); resolve(true) }
    const timer = setTimeout(() => { child.off('exit', onExit); resolve(false) }, timeoutMs)
    child.once('exit', onExit)
  })
}

/** SIGTERM, and SIGKILL for a child that has not ended within the bound. */
export async function stopChild (child: ChildProcess, timeoutMs: number): Promise<void> {
  if (hasExited(child)) return
  child.kill('SIGTERM')
  if (await waitForExit(child, timeoutMs)) return
  await killChild(child)
}

export async function killChild (child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await waitForExit(child, 10_000)
}

export function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process of another user, but it runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A folder below the system's temporary one, named after this process. */
export function createTempFolder (prefix: string): string {
  installExitHook()
  const parent = join(tmpdir(), `longhaul-test-${process.getuid?.() ?? 0}`)
  mkdirSync(parent, { recursive: true })
  sweepTempFolders(parent)
  const folder = mkdtempSync(join(parent, `${prefix}-${process.pid}-`))
  folders.add(folder)
  return folder
}

export function removeFolder (folder: string): void {
  folders.delete(folder)
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** Removes what killed processes could not remove. */
function sweepTempFolders (parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(/-(\d+)-[^-]*$/.exec(name)?.[1])
    if (Number.isInteger(pid) && !isAlive(pid)) removeFolder(join(parent, name))
  }
}
