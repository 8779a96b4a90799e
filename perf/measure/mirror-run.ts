// One contender's run: started, watched until it has caught up, stopped; with its figures.

import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import type { Contender, MirrorJob, RunningContender } from '../contenders/contender.ts'
import { readUsage, type ProcessUsage } from '../../src/orchestrator/bench/process-usage.ts'
import { countSyscalls } from './syscall-count.ts'
import { readThreadUsage, subtractUsage, type ThreadUsage } from './thread-usage.ts'

export interface MirrorFigures {
  readonly contender: string
  /** From the first record on the target until caught up. */
  readonly seconds: number
  readonly megabytesPerSecond: number
  /** Of the middle of the run: from a quarter of the records until nearly all are on the target. */
  readonly steadyMegabytesPerSecond: number
  /** In the same time. */
  readonly cpuSeconds: number
  readonly cpuSecondsPerGigabyte: number
  /** From the start of the process until caught up. */
  readonly cpuSecondsTotal: number
  /** Of the target's brokers, from the first record on, for each gigabyte of the source's log. */
  readonly targetCpuSecondsPerGigabyte: number
  readonly peakRssMegabytes: number
  readonly secondsToFirstRecord: number
  /** From the first record on, for each gigabyte of the source's log. */
  readonly minorFaultsPerGigabyte: number
  readonly voluntarySwitchesPerGigabyte: number
  readonly involuntarySwitchesPerGigabyte: number
  /** The same; only where perf of Linux can count them. */
  readonly syscallsPerGigabyte?: number
  /** CPU seconds for each gigabyte, by group of threads. */
  readonly cpuByThread: ThreadUsage
}

const sampleMs = 20

export async function measureRun (
  contender: Contender, job: MirrorJob, { timeoutMs = 600_000 } = {}
): Promise<MirrorFigures> {
  const startedAt = performance.now()
  const running = await contender.start(job)
  try {
    const deadline = startedAt + timeoutMs
    const first = await watchUntil(contender, running, deadline, progress => progress > 0)
    const targetBefore = cpuOfBrokers(job.target)
    const syscallCount = countSyscalls(running.pid)
    const samples: Sample[] = []
    const last = await watchUntil(contender, running, deadline, (progress, at) => {
      samples.push({ at, progress })
      return progress >= 1
    })
    const targetCpuSeconds = cpuOfBrokers(job.target) - targetBefore
    const syscalls = await syscallCount.stop()
    const seconds = (last.at - first.at) / 1000
    const gigabytes = job.bytes / 1e9
    const perGigabyte = (of: keyof ProcessUsage): number =>
      (last.usage[of] - first.usage[of]) / gigabytes
    const cpuSeconds = last.usage.cpuSeconds - first.usage.cpuSeconds
    const byThread = Object.entries(subtractUsage(last.threads, first.threads))
    return {
      contender: contender.name,
      seconds,
      megabytesPerSecond: job.bytes / 1e6 / seconds,
      steadyMegabytesPerSecond: job.bytes / 1e6 * steadyShare(samples),
      cpuSeconds,
      cpuSecondsPerGigabyte: cpuSeconds / gigabytes,
      cpuSecondsTotal: last.usage.cpuSeconds,
      targetCpuSecondsPerGigabyte: targetCpuSeconds / gigabytes,
      peakRssMegabytes: last.usage.peakRssBytes / 1e6,
      secondsToFirstRecord: (first.at - startedAt) / 1000,
      minorFaultsPerGigabyte: perGigabyte('minorFaults'),
      voluntarySwitchesPerGigabyte: perGigabyte('voluntarySwitches'),
      involuntarySwitchesPerGigabyte: perGigabyte('involuntarySwitches'),
      ...syscalls !== undefined && { syscallsPerGigabyte: syscalls / gigabytes },
      cpuByThread: Object.fromEntries(
        byThread.map(([group, seconds]) => [group, seconds / gigabytes]))
    }
  } finally {
    await running.stop()
  }
}

function cpuOfBrokers ({ brokers }: KafkaCluster): number {
  return brokers.reduce((sum, { pid }) =>
    sum + (pid === undefined ? 0 : readUsage(pid)?.cpuSeconds ?? 0), 0)
}

interface Sample {
  readonly at: number
  readonly progress: number
}

const steadyFrom = 0.25
const steadyTo = 0.95

/** Over all threads, for each second. */
function steadyShare (samples: readonly Sample[]): number {
  const first = samples.find(({ progress }) => progress >= steadyFrom)
  const last = samples.findLast(({ progress }) => progress <= steadyTo)
  if (first === undefined || last === undefined || last.at <= first.at) return 0
  return (last.progress - first.progress) * 1000 / (last.at - first.at)
}

async function watchUntil (
  { name }: Contender, running: RunningContender, deadline: number,
  isThere: (progress: number, at: number) => boolean
): Promise<{ at: number, usage: ProcessUsage, threads: ThreadUsage }> {
  for (;;) {
    const progress = await running.progress()
    const at = performance.now()
    const usage = readUsage(running.pid)
    if (usage === undefined) throw new Error(`${name} ended early\n${running.outputTail()}`)
    if (isThere(progress, at)) return { at, usage, threads: readThreadUsage(running.pid) }
    if (at > deadline) {
      const percent = (progress * 100).toFixed(1)
      throw new Error(`${name} was at ${percent} % when time was up\n${running.outputTail()}`)
    }
    await sleep(sampleMs)
  }
}
