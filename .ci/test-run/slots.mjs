// Runs as many jobs in parallel as there are slots, and beside them one job of low priority
// (`nice`), as tests that wait for brokers leave the processors idle. The jobs that took longest in
// the last run begin first, so that none of them runs alone at the end.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname } from 'node:path'

/** Two clusters of three brokers each. */
const jobBytes = 3 * 1024 ** 3

/**
 * `wanted` slots, else the `usual` number of the selection. By default at least two: many tests
 * wait for brokers and not for a processor. `hasSpare`: the slot of the jobs of low priority also
 * runs others, when these jobs have ended. The long tests have no such jobs and no such slot: some
 * of them measure throughput.
 */
export function chooseSlots ({
  wanted = Number(process.env.LONGHAUL_TEST_JOBS),
  usual,
  memoryBytes = Math.min(os.totalmem(), process.constrainedMemory() || Infinity),
  processors = os.availableParallelism()
} = {}) {
  if (wanted > 0) return { slots: wanted, hasSpare: false }
  if (usual !== undefined) return { slots: usual, hasSpare: false }
  const fitting = Math.floor(memoryBytes / jobBytes)
  const slots = Math.max(2, Math.min(processors, fitting))
  return { slots, hasSpare: fitting > slots }
}

/** Calls `run` for each job, and `onEnd` with each result; resolves with all results. */
export async function runInSlots (jobs, { slots, hasSpare, run, onEnd, lastSeconds }) {
  const seconds = ({ expectedSeconds, name }) => lastSeconds.get(name) ?? expectedSeconds
  const longestFirst = jobs.toSorted((a, b) => seconds(b) - seconds(a))
  const ofLowPriority = longestFirst.filter(({ nice }) => nice > 0)
  const others = longestFirst.filter((job) => !ofLowPriority.includes(job))
  const results = []
  const work = async (queues) => {
    const next = () => queues.find((queue) => queue.length > 0)?.shift()
    for (let job = next(); job !== undefined; job = next()) {
      const result = await run(job)
      results.push(result)
      onEnd(result)
    }
  }
  const slot = () => work([others, ofLowPriority])
  const spare = hasSpare && ofLowPriority.length > 0 ? [ofLowPriority, others] : [ofLowPriority]
  await Promise.all([...Array.from({ length: slots }, slot), work(spare)])
  return results
}

/** Seconds by job, of its last run. */
export function readSeconds (path) {
  try {
    return new Map(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [])
  } catch {
    return new Map() // its writer was interrupted
  }
}

export function writeSeconds (path, lastSeconds, results) {
  const all = new Map([...lastSeconds, ...results.map(({ name, seconds }) => [name, seconds])])
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify([...all])}\n`)
}
