// One run: two clusters, a load, mirror processes, faults by schedule; then a quiet time and the
// check.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKafkaCluster, type KafkaCluster } from '../../test/kafka/cluster.ts'
import { releasePorts, reservePorts } from '../../test/kafka/ports.ts'
import { remoteTopic, type ChaosContender, type ChaosSetup } from './chaos-contender.ts'
import { ExcuseBook } from './excuse-book.ts'
import { FaultRunner } from './fault-runner.ts'
import { judgeLiveness, type LivenessFindings } from './liveness.ts'
import { LivenessWatch } from './liveness-watch.ts'
import { MirrorMember } from './mirror-member.ts'
import { loadedTopics, NumberedLoad } from './numbered-load.ts'
import { planFaults, type PlannedFault } from './schedule.ts'
import { checkSides, totalsOf, type PartitionFindings } from './side-check.ts'
import { witness } from './stall-witness.ts'

export interface ChaosSettings {
  readonly minutes: number
  readonly seed: number
  readonly processes: number
  readonly brokers: 1 | 3
  readonly recordsPerSecond: number
  readonly contender: ChaosContender
  /** For logs and properties of the run; the caller creates it. */
  readonly folder: string
  readonly say: (text: string) => void
}

export interface ChaosOutcome {
  readonly schedule: readonly PlannedFault[]
  readonly faultsFailed: readonly string[]
  readonly acked: number
  readonly findings: readonly PartitionFindings[]
  readonly liveness: LivenessFindings
  /** From the end of the load until the target had all records; undefined: it never had. */
  readonly catchUpSeconds: number | undefined
  readonly crashes: number
  /** Starts that failed because a cluster did not answer. */
  readonly startsFailed: number
  /** The exit code of every stop by SIGTERM. */
  readonly exitCodes: ReadonlyArray<number | null>
}

const gapMs = [2_000, 9_000] as const
const catchUpMsMax = 240_000
// If no record arrives for this long, the missing records will not arrive.
const stalledMsMax = 45_000
// Late retries of zombie processes would appear after the last record.
const quietMs = 5_000

/** The faults of a run with these settings. */
export function scheduleOf (
  { brokers, contender, seed, minutes, processes }: Omit<ChaosSettings, 'folder' | 'say'>
): readonly PlannedFault[] {
  const hasPolicies = contender.followsRecreated
  return planFaults({ seed, durationMs: minutes * 60_000, processes, brokers, gapMs, hasPolicies })
}

export async function runChaos (settings: ChaosSettings): Promise<ChaosOutcome> {
  const { brokers, processes } = settings
  const schedule = scheduleOf(settings)
  const ports = await reservePorts(processes)
  const clusters: KafkaCluster[] = []
  const members: MirrorMember[] = []
  try {
    settings.say(`starting ${brokers * 2} brokers`)
    const options = { brokers, proxied: true }
    for (let count = 0; count < 2; count++) {
      clusters.push(await startKafkaCluster(undefined, options))
    }
    const [source, target] = clusters
    if (source === undefined || target === undefined) throw new Error('no clusters')
    const setup: ChaosSetup = { source, target, folder: settings.folder }
    for (const { name, partitions } of loadedTopics) {
      await source.createTopic(name, { partitions, configs: topicConfigs(source) })
    }
    for (const [at, port] of ports.entries()) {
      const command = await settings.contender.command(setup, at + 1, port)
      members.push(new MirrorMember(command, join(settings.folder, `mirror-${at + 1}.log`)))
    }
    return await underLoad(settings, { ...setup, members, schedule })
  } finally {
    await Promise.all(members.map(async member => { await member.kill() }))
    await Promise.all(clusters.map(async cluster => { await cluster.close() }))
    releasePorts(ports)
  }
}

interface Parts extends ChaosSetup {
  readonly members: readonly MirrorMember[]
  readonly schedule: readonly PlannedFault[]
}

async function underLoad (settings: ChaosSettings, parts: Parts): Promise<ChaosOutcome> {
  const { source, target, members, schedule } = parts
  const { contender: { group }, say } = settings
  const startedAt = performance.now()
  const nowMs = (): number => performance.now() - startedAt
  const load = await NumberedLoad.start(source, settings.seed, settings.recordsPerSecond)
  for (const member of members) member.start()
  const excuses = new ExcuseBook({ source, target, members, group, nowMs })
  const path = join(settings.folder, 'stalls.log')
  const watch = new LivenessWatch(source, target, nowMs, partitions => {
    void witness(partitions, { source, target, members, nowMs, path })
  })
  const faults = new FaultRunner({
    source, target, members, load, watch, excuses, group, say, topicConfigs: topicConfigs(source)
  })
  await faults.run(schedule, settings.minutes * 60_000)
  await faults.restoreAll()
  await load.stop()
  const liveness = judgeLiveness(await watch.stop(), excuses.excuses)
  say(`load over: ${load.acked} records acked, ${load.failed} failed`)
  const catchUpSeconds = await untilCaughtUp(source, target, say)
  await sleep(quietMs)
  say('reading both sides')
  const sofar = totalsOf(await checkSides(source, target, remoteTopic))
  // Duplicates may have hidden, in the count, that a partition was late: late records are not lost.
  if (sofar.lost > 0) {
    say(`${sofar.lost} records are not there: waiting for them`)
    await untilTargetRests(target)
  }
  await Promise.all(members.map(async member => { await member.stop() }))
  say('reading both sides again')
  return {
    schedule,
    faultsFailed: faults.failures,
    acked: load.acked,
    findings: await checkSides(source, target, remoteTopic),
    liveness,
    catchUpSeconds,
    crashes: members.reduce((sum, { crashes }) => sum + crashes, 0),
    startsFailed: members.reduce((sum, { startsFailed }) => sum + startsFailed, 0),
    exitCodes: members.flatMap(({ exitCodes }) => exitCodes)
  }
}

function topicConfigs ({ brokers }: KafkaCluster): Readonly<Record<string, string>> {
  return { 'min.insync.replicas': String(Math.min(2, brokers.length)) }
}

/**
 * Compares end offsets, which equal the numbers of records on a source without transactions. A
 * target with duplicates has more records and would look complete too early: so it must also have
 * been quiet for a while.
 */
async function untilCaughtUp (
  source: KafkaCluster, target: KafkaCluster, say: (text: string) => void
): Promise<number | undefined> {
  const wanted = await offsetsOf(source, topic => topic)
  const startedAt = performance.now()
  let best = ''
  let changedAt = startedAt
  for (;;) {
    const there = await offsetsOf(target, remoteTopic)
    const now = performance.now()
    if (there.join() !== best) {
      best = there.join()
      changedAt = now
    }
    const missing = wanted.reduce((sum, end, at) => sum + Math.max(0, end - (there[at] ?? 0)), 0)
    if (missing === 0 && now - changedAt > quietMs) return (changedAt - startedAt) / 1000
    if (now - changedAt > stalledMsMax || now - startedAt > catchUpMsMax) {
      say(`stopped waiting: ${missing} offsets are missing`)
      return undefined
    }
    await sleep(500)
  }
}

/** Waits until no record has arrived for a while, or until records arrive for too long. */
async function untilTargetRests (target: KafkaCluster): Promise<void> {
  const startedAt = performance.now()
  let changedAt = startedAt
  let there = ''
  while (performance.now() - changedAt < stalledMsMax &&
      performance.now() - startedAt < catchUpMsMax) {
    const now = (await offsetsOf(target, remoteTopic)).join()
    if (now !== there) changedAt = performance.now()
    there = now
    await sleep(500)
  }
}

async function offsetsOf (
  cluster: KafkaCluster, nameOf: (topic: string) => string
): Promise<number[]> {
  const partitions = loadedTopics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: nameOf(name), partition })))
  return await Promise.all(partitions.map(async ({ topic, partition }) => {
    const offsets = await cluster.admin.offsets(topic, partition).catch(() => undefined)
    return offsets === undefined ? 0 : offsets.high - offsets.low
  }))
}
