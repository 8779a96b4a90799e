// What a process and its children have used, from /proc: exact, and free for the process measured.

import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: the unit of /proc/<pid>/stat. It is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

export interface ProcessUsage {
  /** User and system time of the process, its children and those it has waited for. */
  readonly cpuSeconds: number
  /** Peak resident memory; of several processes the sum of each one's peak. */
  readonly peakRssBytes: number
}

interface Stat {
  readonly parent: number
  readonly ticks: number
  readonly waitedTicks: number
}

/** Gives undefined when the process is gone. */
export function readUsage (pid: number): ProcessUsage | undefined {
  const root = readStat(pid)
  if (root === undefined) return undefined
  const pids = [pid, ...descendants(pid)]
  const ticks = pids.reduce((sum, p) => {
    const stat = readStat(p)
    return sum + (stat === undefined ? 0 : stat.ticks + stat.waitedTicks)
  }, 0)
  return {
    cpuSeconds: ticks / ticksPerSecond,
    peakRssBytes: pids.reduce((sum, p) => sum + readPeakRss(p), 0)
  }
}

function descendants (pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const child = Number(name)
    const stat = Number.isInteger(child) ? readStat(child) : undefined
    if (stat !== undefined) parents.set(child, stat.parent)
  }
  const found = [pid]
  for (const parent of found) {
    for (const [child, of] of parents) if (of === parent) found.push(child)
  }
  return found.slice(1)
}

function readStat (pid: number): Stat | undefined {
  const text = tryRead(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name, field 2, may hold spaces and brackets: fields are counted from its last bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number)
  const [, parent = 0] = fields
  const [user = 0, system = 0, waitedUser = 0, waitedSystem = 0] = fields.slice(11, 15)
  return { parent, ticks: user + system, waitedTicks: waitedUser + waitedSystem }
}

function readPeakRss (pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(tryRead(`/proc/${pid}/status`) ?? '')?.[1]
  return Number(kib ?? 0) * 1024
}

function tryRead (path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
