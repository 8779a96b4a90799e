// The CPU time of the threads of a process, from /proc: by their names there.

import { readdirSync, readFileSync } from 'node:fs'

/** One row for each group: the first row whose pattern matches the name of a thread. */
const groups: ReadonlyArray<{ readonly group: string, readonly name: RegExp }> = [
  { group: 'lane loops', name: /^longhaul:lane$/ },
  // A scenario's clusters have different broker ids: see sourceBrokerId, targetBrokerId.
  { group: 'broker threads of the source', name: /^rdk:broker1$/ },
  { group: 'broker threads of the target', name: /^rdk:broker2$/ },
  { group: 'other threads of librdkafka', name: /^rdk:/ }
]
const mainThread = 'node, main thread'
const otherThreads = 'node, other threads (workers, compiler, collector)'

export const sourceBrokerId = 1
export const targetBrokerId = 2

/** CPU seconds by group of threads; without threads that have ended. */
export type ThreadUsage = Readonly<Record<string, number>>

export function readThreadUsage (pid: number): ThreadUsage {
  const usage: Record<string, number> = {}
  for (const thread of threadsOf(pid)) {
    const group = groupOf(thread.id === pid, thread.name)
    usage[group] = (usage[group] ?? 0) + thread.cpuSeconds
  }
  return usage
}

export function subtractUsage (later: ThreadUsage, earlier: ThreadUsage): ThreadUsage {
  return Object.fromEntries(Object.entries(later)
    .map(([group, seconds]) => [group, Math.max(0, seconds - (earlier[group] ?? 0))]))
}

export function groupOf (isMain: boolean, name: string): string {
  if (isMain) return mainThread
  return groups.find(row => row.name.test(name))?.group ?? otherThreads
}

function threadsOf (pid: number): Array<{ id: number, name: string, cpuSeconds: number }> {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(id => {
      try {
        const folder = `/proc/${pid}/task/${id}`
        // Nanoseconds on a processor; the ticks of `stat` are hundredths of a second.
        const [ran = 0] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ').map(Number)
        const name = readFileSync(`${folder}/comm`, 'utf8').trim()
        return [{ id: Number(id), name, cpuSeconds: ran / 1e9 }]
      } catch {
        return [] // it has just ended
      }
    })
  } catch {
    return []
  }
}
