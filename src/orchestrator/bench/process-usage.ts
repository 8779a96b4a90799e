// The resources that a process and its children have used, from /proc: at no cost for the process.

import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: the unit of /proc/<pid>/stat. It is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

export interface ProcessUsage {
  /**
   * User and system time of the process, its children, and ended children that it has waited for.
   */
  readonly cpuSeconds: number
  /** Peak resident memory; of several processes the sum of their peaks. */
  readonly peakRssBytes: number
  /** Pages touched for the first time, and the times that threads released or lost a processor. */
  readonly minorFaults: number
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
}

interface Stat {
  readonly parent: number
  readonly ticks: number
  readonly waitedTicks: number
  readonly minorFaults: number
}

/** Returns undefined if the process has ended. */
export function readUsage (pid: number): ProcessUsage | undefined {
  const root = readStat(pid)
  if (root === undefined) return undefined
  const pids = [pid, ...descendants(pid)]
  const stats = pids.flatMap(p => readStat(p) ?? [])
  const ticks = sum(stats.map(stat => stat.ticks + stat.waitedTicks))
  return {
    cpuSeconds: ticks / ticksPerSecond,
    peakRssBytes: sum(pids.map(readPeakRss)),
    minorFaults: sum(stats.map(stat => stat.minorFaults)),
    voluntarySwitches: sum(pids.map(p => readSwitches(p, 'voluntary'))),
    involuntarySwitches: sum(pids.map(p => readSwitches(p, 'nonvoluntary')))
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
  // The name, field 2, may contain spaces and brackets: fields are counted after its last bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number)
  const [, parent = 0] = fields
  const [minorFaults = 0] = fields.slice(7)
  const [user = 0, system = 0, waitedUser = 0, waitedSystem = 0] = fields.slice(11, 15)
  return { parent, ticks: user + system, waitedTicks: waitedUser + waitedSystem, minorFaults }
}

/** Of all threads: the line of the process counts only its first thread. */
function readSwitches (pid: number, kind: 'voluntary' | 'nonvoluntary'): number {
  const pattern = new RegExp(`^${kind}_ctxt_switches:\\s+(\\d+)$`, 'm')
  return sum(threadIds(pid).map(id =>
    Number(pattern.exec(tryRead(`/proc/${pid}/task/${id}/status`) ?? '')?.[1] ?? 0)))
}

function threadIds (pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
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
