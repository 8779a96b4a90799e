// What a process costs while it has nothing to do: processor time, by group of threads, and memory.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { readUsage } from '../../src/orchestrator/bench/process-usage.ts'
import { readThreadUsage, subtractUsage, type ThreadUsage } from './thread-usage.ts'

export interface IdleCost {
  readonly idleCpuPercent: number
  /** In per cent of a core, by group of threads. */
  readonly idleCpuByThread: ThreadUsage
  readonly residentMegabytes: number
}

interface Look {
  readonly atMs: number
  readonly cpuSeconds: number
  readonly threads: ThreadUsage
}

export async function measureIdleCost (pid: number, seconds: number): Promise<IdleCost> {
  const from = lookAt(pid)
  await sleep(seconds * 1000)
  const residentMegabytes = residentBytes(pid) / 1e6
  const until = lookAt(pid)
  const span = (until.atMs - from.atMs) / 1000
  const byThread = Object.entries(subtractUsage(until.threads, from.threads))
  return {
    idleCpuPercent: 100 * (until.cpuSeconds - from.cpuSeconds) / span,
    idleCpuByThread: Object.fromEntries(
      byThread.map(([group, cpuSeconds]) => [group, 100 * cpuSeconds / span])),
    residentMegabytes
  }
}

function lookAt (pid: number): Look {
  const usage = readUsage(pid)
  if (usage === undefined) throw new Error(`process ${pid} has ended`)
  return {
    atMs: performance.now(), cpuSeconds: usage.cpuSeconds, threads: readThreadUsage(pid)
  }
}

function residentBytes (pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
