// One demo from its first step to its last: topics, mirror, producers, catching up, drain, check.
// Does not depend on the kind of clusters or on how results are shown.
import { cpuUsage } from 'node:process'
import type { ClusterAdmin } from '../orchestrator/cluster/cluster-admin.ts'
import { openClusterAdmin } from '../orchestrator/cluster/native-cluster-admin.ts'
import { listOffsetsPatiently } from '../orchestrator/cluster/offsets.ts'
import type { Config, FlowConfig } from '../orchestrator/config/config.ts'
import { ReplicatorError } from '../orchestrator/errors/replicator-error.ts'
import { progressTopicOf } from '../orchestrator/progress/progress-topic.ts'
import { Mirror } from '../orchestrator/flow/mirror.ts'
import { countRunning } from '../orchestrator/observability/partition-totals.ts'
import type { Log } from '../orchestrator/observability/log.ts'
import { summarizeRun } from '../orchestrator/observability/summary.ts'
import type { Clock } from '../orchestrator/time/clock.ts'
import type { DemoClusters } from './demo-clusters.ts'
import { DemoRecords } from './demo-record.ts'
import type { CheckReport, DemoReport } from './demo-report.ts'
import type { DemoSettings } from './demo-settings.ts'
import type { DemoTopic, WrittenPartition } from './demo-topics.ts'
import { checkPayloads, type PayloadCounts } from './payload-check.ts'
import { Differences } from './record-check.ts'
import { checkRecords } from './record-reader.ts'
import { writeRecords } from './record-writer.ts'

export interface DemoRunOptions {
  readonly clusters: DemoClusters
  readonly config: Config
  readonly flow: FlowConfig
  readonly topics: readonly DemoTopic[]
  readonly settings: DemoSettings
  readonly log: Log
  readonly clock: Clock
  readonly stopped: AbortSignal
  readonly onMirror: (mirror: Mirror) => void
  /** The mirror has ended; the check follows. */
  readonly onMirrored: () => Promise<void>
  /** Names the step that begins, for people. */
  readonly onStep: (step: string) => void
  /** Runs after everything is mirrored and before the check: a test can damage the target. */
  readonly beforeCheck?: (target: FlowConfig['target']) => Promise<void>
}

/** If the target receives no record for this long, the demo stops waiting and checking. */
const patienceMs = 30_000
const pollMs = 50
/** After this time the demo writes even if the mirror is not ready; the mirror catches up later. */
const readyMsMax = 15_000

interface Mirrored {
  readonly mirror: Mirror
  readonly written: readonly WrittenPartition[]
  readonly incomplete: string | undefined
  /** From the first record written to the last one mirrored; CPU time of the whole process. */
  readonly seconds: number
  readonly cpuSeconds: number
}

export async function runDemo (options: DemoRunOptions): Promise<DemoReport> {
  const { clock, clusters, flow, settings, topics } = options
  const startedMs = clock.monotonic()
  const timeoutMs = flow.settings['admin.timeout.ms']
  const source = openClusterAdmin({ ...flow.source.admin, timeoutMs })
  const target = openClusterAdmin({ ...flow.target.admin, timeoutMs })
  try {
    await createTopics(options)
    const records = new DemoRecords(settings.recordBytes)
    const mirrored = await mirrorRecords(options, records, target)
    const summary =
      summarizeRun(mirrored.mirror.totals, mirrored.seconds, mirrored.cpuSeconds)
    await options.onMirrored()
    const check = await checkTarget(options, records, mirrored, source, target)
    return {
      clusters: clusters.kind,
      topics: topics.length,
      partitions: mirrored.written.length,
      seconds: (clock.monotonic() - startedMs) / 1000,
      summary,
      check,
      matched: isMatched(check)
    }
  } finally {
    await Promise.all([source.close(), target.close()])
  }
}

async function createTopics ({ clusters, flow, topics }: DemoRunOptions): Promise<void> {
  const progress = {
    name: progressTopicOf(flow.source.alias), partitions: flow.settings['task.slots']
  }
  const remote = topics.map(({ remoteName, partitions }) => ({ name: remoteName, partitions }))
  await clusters.createTopics(
    { end: flow.source, topics: topics.map(({ name, partitions }) => ({ name, partitions })) },
    { end: flow.target, topics: [...remote, progress] })
}

/** The mirror runs before the first record is written and until the target has the last one. */
async function mirrorRecords (
  options: DemoRunOptions, records: DemoRecords, target: ClusterAdmin
): Promise<Mirrored> {
  const { clock, config, flow, log, onStep, settings, stopped, topics } = options
  const mirror = new Mirror({ config, log, clock })
  options.onMirror(mirror)
  try {
    onStep('starting the mirror')
    const [failed] = await mirror.start()
    if (failed !== undefined) throw failed
    await untilReady(options, mirror)
    const startedMs = clock.monotonic()
    const cpuAtStart = cpuUsage()
    onStep(`writing ${writingText(settings)} to ${topics.length} topics while they are mirrored`)
    const client = flow.source.admin.properties
    const written = await writeRecords({ client, topics, records, settings, clock, stopped })
    onStep('waiting for the mirror to catch up')
    const incomplete = await catchUp(options, target, written)
    const { user, system } = cpuUsage(cpuAtStart)
    const seconds = (clock.monotonic() - startedMs) / 1000
    if (incomplete === undefined) await untilCounted(options, mirror, written)
    return { mirror, written, incomplete, seconds, cpuSeconds: (user + system) / 1e6 }
  } finally {
    await mirror.stop(config.process['drain.timeout.ms'])
  }
}

/** Resolves when lanes and partitions run, so that records are mirrored while they are written. */
async function untilReady (
  { clock, stopped, topics }: DemoRunOptions, mirror: Mirror
): Promise<void> {
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0)
  const deadline = clock.monotonic() + readyMsMax
  const running = (): number =>
    mirror.totals.reduce((sum, flow) => sum + countRunning(flow.partitionsByState), 0)
  while (running() < partitions && !stopped.aborted && clock.monotonic() < deadline) {
    await clock.sleep(pollMs)
  }
}

function writingText ({ records, seconds }: DemoSettings): string {
  return seconds > 0 ? `for ${seconds} s` : `${records.toLocaleString('en-US')} records`
}

/**
 * Waits until the target has as many records as were written. Returns why it stopped early, if so.
 */
async function catchUp (
  { clock, stopped }: DemoRunOptions, target: ClusterAdmin, written: readonly WrittenPartition[]
): Promise<string | undefined> {
  const wanted = written.map(({ topic, partition }) =>
    ({ topic: topic.remoteName, partition, at: 'latest' as const }))
  const total = countWritten(written)
  let arrived = -1
  let lastNewsMs = clock.monotonic()
  for (;;) {
    if (stopped.aborted) return 'stopped before everything was mirrored'
    const offsets = await listOffsetsPatiently(target, wanted, 'read_uncommitted', clock)
    const now = offsets.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
    if (now >= total) return undefined
    if (now > arrived) {
      arrived = now
      lastNewsMs = clock.monotonic()
    } else if (clock.monotonic() - lastNewsMs > patienceMs) {
      return undefined // the check names the missing records
    }
    await clock.sleep(pollMs)
  }
}

/**
 * Records are on the target before the mirror receives their acknowledgement, and a mirror that is
 * stopped in between does not count them. Embedded brokers answer the first batch of a partition
 * with an append time, after which the mirror reads the target before it counts that batch.
 */
async function untilCounted (
  { clock, stopped }: DemoRunOptions, mirror: Mirror, written: readonly WrittenPartition[]
): Promise<void> {
  const total = countWritten(written)
  const deadline = clock.monotonic() + patienceMs
  while (countMirrored(mirror) < total && !stopped.aborted && clock.monotonic() < deadline) {
    await clock.sleep(pollMs)
  }
}

function countWritten (written: readonly WrittenPartition[]): number {
  return written.reduce((sum, { count }) => sum + count, 0)
}

function countMirrored (mirror: Mirror): number {
  return mirror.totals.reduce((sum, flow) => sum + flow.records, 0)
}

async function checkTarget (
  options: DemoRunOptions, records: DemoRecords, { incomplete, mirror, written }: Mirrored,
  source: ClusterAdmin, target: ClusterAdmin
): Promise<CheckReport> {
  const { beforeCheck, clock, flow, onStep, stopped } = options
  const recordsWritten = countWritten(written)
  const differences = new Differences()
  let recordsChecked = 0
  let payloads: PayloadCounts | undefined
  if (incomplete === undefined) {
    await beforeCheck?.(flow.target)
    onStep('checking every record on the target')
    recordsChecked = await checkRecords({
      client: flow.target.admin.properties,
      written,
      records,
      differences,
      clock,
      stopped,
      patienceMs
    })
    payloads = await checkPayloads({
      source: { admin: source, client: flow.source.admin.properties },
      target: { admin: target, client: flow.target.admin.properties },
      written,
      differences,
      stopped
    })
    checkCounters(mirror, recordsWritten)
  }
  return {
    recordsWritten,
    recordsChecked,
    payloads,
    differences: differences.count,
    firstDifferences: differences.first,
    incomplete: incomplete ??
      (stopped.aborted ? 'stopped before everything was checked' : undefined)
  }
}

/** The counters of the mirror must equal those of the check. */
function checkCounters (mirror: Mirror, recordsWritten: number): void {
  const records = countMirrored(mirror)
  if (records === recordsWritten) return
  throw new ReplicatorError('INTERNAL',
    `the mirror counted ${records} records, ${recordsWritten} were written`)
}

function isMatched ({
  differences, incomplete, payloads, recordsChecked, recordsWritten
}: CheckReport): boolean {
  return differences === 0 && incomplete === undefined && recordsChecked === recordsWritten &&
    (payloads === undefined || payloads.kept === payloads.batches)
}
