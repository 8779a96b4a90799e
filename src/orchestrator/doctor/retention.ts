// Whether the source keeps records for long enough: compared with the age of the next record to
// mirror, and with an outage during which nothing is mirrored.
import { listLogs } from '../cluster/offsets.ts'
import { positionsOnRecord } from '../migration/positions-on-record.ts'
import { formatSeconds, plural } from '../observability/format.ts'
import { settingsOfTopics } from '../plan/topic-settings.ts'
import {
  examinedTopicsMax, listed, type Check, type CheckContext, type Finding, type Outage
} from './check.ts'

export interface TopicRetention {
  readonly topic: string
  readonly cleanupPolicy: string
  /** -1: unlimited. */
  readonly retentionMs: number
  /** -1: unlimited. */
  readonly retentionBytes: number
  /** Partitions whose next record the source has deleted already. */
  readonly lostPartitions: readonly number[]
  /** Age of the oldest record that is not mirrored yet; undefined: mirrored, or unknown. */
  readonly waitingMs: number | undefined
}

/** Partitions of which the age of the next record is looked up. */
const agesMax = 100
const day = 86_400_000

/** Pure. Topics with the same finding are one finding. */
export function judgeRetention (
  topics: readonly TopicRetention[], outage: Outage
): readonly Finding[] {
  const findings = topics.flatMap(topic => [
    ...lossOf(topic), ...waitOf(topic, outage), ...bytesOf(topic)
  ])
  const short = topics.filter(topic => topic.waitingMs === undefined && isShort(topic, outage.ms))
  const shortest = Math.min(...short.map(({ retentionMs }) => retentionMs))
  if (short.length > 0) {
    findings.push({
      severity: outage.isChosen ? 'problem' : 'warning',
      about: listed(short.map(({ topic }) => topic)),
      measured: `retention.ms=${shortest} (${duration(shortest)}) is shorter than an outage of ` +
        `${duration(outage.ms)}: records would be deleted before they are mirrored`,
      advice: 'Raise retention.ms of the source topics, or accept the loss (data.loss)'
    })
  }
  if (findings.length > 0 || topics.length === 0) return findings
  return [{
    severity: 'ok',
    about: plural(topics.length, 'topic'),
    measured: `the source keeps records for longer than an outage of ${duration(outage.ms)}`
  }]
}

function isShort ({ cleanupPolicy, retentionMs }: TopicRetention, forMs: number): boolean {
  return cleanupPolicy.includes('delete') && retentionMs >= 0 && retentionMs < forMs
}

function lossOf ({ lostPartitions, topic }: TopicRetention): readonly Finding[] {
  return lostPartitions.length === 0
    ? []
    : [{
        severity: 'problem',
        about: topic,
        measured: 'the source has deleted records that were not mirrored, of ' +
          `${plural(lostPartitions.length, 'partition')} (${listed(lostPartitions.map(String))})`,
        advice: 'The next start obeys data.loss: stop, or continue after the gap'
      }]
}

function waitOf (
  { cleanupPolicy, retentionMs, topic, waitingMs }: TopicRetention, outage: Outage
): readonly Finding[] {
  if (waitingMs === undefined || !cleanupPolicy.includes('delete') || retentionMs < 0) return []
  const leftMs = retentionMs - waitingMs
  if (leftMs >= outage.ms) return []
  const isUrgent = leftMs < retentionMs / 4
  return [{
    severity: isUrgent || outage.isChosen ? 'problem' : 'warning',
    about: topic,
    measured: `the next record to mirror is ${duration(waitingMs)} old, and ` +
      `retention.ms=${retentionMs} (${duration(retentionMs)}) deletes it in ` +
      duration(Math.max(0, leftMs)),
    advice: 'Raise retention.ms of the source topic until the mirror has caught up'
  }]
}

function bytesOf ({ cleanupPolicy, retentionBytes, topic }: TopicRetention): readonly Finding[] {
  return retentionBytes < 0 || !cleanupPolicy.includes('delete')
    ? []
    : [{
        severity: 'note',
        about: topic,
        measured: `retention.bytes=${retentionBytes} for each partition: how long the source ` +
          'keeps records depends on how much is written',
        advice: 'Compute retention.bytes from the write rate and the outage'
      }]
}

function duration (ms: number): string {
  return ms >= 2 * day ? `${Math.round(ms / day)} days` : formatSeconds(ms / 1000)
}

export const retentionCheck: Check = {
  name: 'retention',
  run: async context => judgeRetention(await retentions(context), context.outage)
}

async function retentions (context: CheckContext): Promise<readonly TopicRetention[]> {
  const { clusters: { source }, flow: { check } } = context
  const topics = check.topics.slice(0, examinedTopicsMax).map(({ topic }) => topic)
  const [settings, waiting] = await Promise.all([
    settingsOfTopics(source, topics), waitingRecords(context, new Set(topics))
  ])
  return topics.flatMap(topic => {
    const own = settings.get(topic)
    if (own === undefined) return []
    const known = waiting.get(topic)
    return [{
      topic,
      cleanupPolicy: own.get('cleanup.policy') ?? 'delete',
      retentionMs: Number(own.get('retention.ms') ?? -1),
      retentionBytes: Number(own.get('retention.bytes') ?? -1),
      lostPartitions: known?.lost ?? [],
      waitingMs: known?.oldestMs
    }]
  })
}

interface Waiting {
  readonly lost: number[]
  oldestMs: number | undefined
}

/** By topic; empty before the first start. */
async function waitingRecords (
  context: CheckContext, topics: ReadonlySet<string>
): Promise<ReadonlyMap<string, Waiting>> {
  const { clock, clusters: { source }, config } = context
  const positions = (await positionsOnRecord({ ...context, flow: config }))
    .filter(({ source: { topic } }) => topics.has(topic))
  if (positions.length === 0) return new Map()
  const logs = await listLogs(source, positions.map(each => each.source))
  const found = new Map<string, Waiting>()
  const behind: Array<{ topic: string, partition: number, offset: bigint, lag: bigint }> = []
  for (const [i, { progress: { upstream }, source: { partition, topic } }] of positions.entries()) {
    const { end, start } = logs[i] ?? {}
    if (start?.error !== undefined || end?.error !== undefined) continue
    if (start === undefined || end === undefined || upstream >= end.offset) continue
    const own = found.get(topic) ?? { lost: [], oldestMs: undefined }
    found.set(topic, own)
    if (upstream < start.offset) own.lost.push(partition)
    behind.push({ topic, partition, offset: upstream, lag: end.offset - upstream })
  }
  const largest = behind.toSorted((one, other) => one.lag > other.lag ? -1 : 1).slice(0, agesMax)
  for (const { ageMs, topic } of await agesOf(context, largest, clock.now())) {
    const own = found.get(topic)
    if (own !== undefined) own.oldestMs = Math.max(own.oldestMs ?? 0, ageMs)
  }
  return found
}

/** The newest timestamp of the first batch that is not mirrored: retention counts from it. */
async function agesOf (
  { clusters: { source }, signal }: CheckContext,
  behind: ReadonlyArray<{ topic: string, partition: number, offset: bigint }>, nowMs: number
): Promise<ReadonlyArray<{ readonly topic: string, readonly ageMs: number }>> {
  const described = behind.length === 0
    ? []
    : await source.describeTopics([...new Set(behind.map(({ topic }) => topic))])
  const leaders = new Map(described.flatMap(({ name, partitions }) =>
    partitions.map(({ leader, partition }) => [`${name}/${partition}`, leader] as const)))
  const ages: Array<{ topic: string, ageMs: number }> = []
  for (const { offset, partition, topic } of behind) {
    signal.throwIfAborted()
    const node = leaders.get(`${topic}/${partition}`) ?? -1
    if (node < 0) continue
    const { partitions: [sample] } = await source.sampleBatches({
      node,
      bytesMax: 4096,
      batchesMax: 1,
      partitions: [
        { topic, partition, offset, batchBytesMax: 0, keepsProducerTimestamps: false }
      ]
    })
    const at = Number(sample?.batches[0]?.maxTimestamp ?? -1)
    if (at >= 0) ages.push({ topic, ageMs: Math.max(0, nowMs - at) })
  }
  return ages
}
