// For each topic, whether its batches pass unchanged or are re-encoded, and why, judged by sampled
// batches as a lane judges them.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { BatchReason, SampledBatch } from '../cluster/cluster-samples.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { TopicCheck } from '../topics/topic-check.ts'
import {
  sampledTopicsMax, sampleTopics, type SampledTopic, type TopicSample
} from './batch-samples.ts'
import type { FlowLook } from './flow-check.ts'
import { settingsOfTopics } from './topic-settings.ts'

export interface TopicBatches {
  readonly verdict: 'pass' | 're-encode' | 'mixed' | 'no records' | 'unknown'
  readonly sampled: number
  readonly passing: number
  /** The re-encoded batches of the sample, by reason. */
  readonly reasons: Readonly<Partial<Record<BatchReason, number>>>
  readonly codecs: readonly string[]
  /** Sentences without a full stop. */
  readonly why: readonly string[]
}

/** What the judgement knows of a topic besides its batches. */
export interface TopicFacts {
  readonly remoteTopic: string
  /** max.message.bytes of the remote topic; 0: unknown. */
  readonly batchBytesMax: number
  /** Of the source topic. */
  readonly cleanupPolicy: string
  /** That the target accepts; empty: all. */
  readonly targetCodecs: readonly string[]
}

const sizeBound = 'max.message.bytes'
/** Of a broker, for topics that do not set max.message.bytes. */
const sizeBoundOfBroker = 'message.max.bytes'
const produceZstdFrom = 7

export async function planOfBatches (
  look: FlowLook, { created, topics }: TopicCheck
): Promise<ReadonlyMap<string, TopicBatches>> {
  const { clusters: { source, target, targetDescription }, config, signal } = look
  const node = targetDescription.brokers[0]?.id
  const some = topics.slice(0, sampledTopicsMax)
  const [ofSource, ofTarget, ofBroker, versions] = await Promise.all([
    settingsOfTopics(source, some.map(({ topic }) => topic)),
    settingsOfTopics(target, some.filter(({ targetPartitions }) => targetPartitions > 0)
      .map(({ remoteTopic }) => remoteTopic)),
    node === undefined ? undefined : brokerDefault(target, node),
    node === undefined ? [] : target.requestVersions(node)
  ])
  const produce = versions.find(({ name }) => name === 'Produce')?.version ?? produceZstdFrom
  const facts = new Map(some.map(({ remoteTopic, topic }): [string, TopicFacts] => {
    const bytes = ofTarget.get(remoteTopic)?.get(sizeBound) ??
      created.get(topic)?.[sizeBound] ?? ofBroker
    return [topic, {
      remoteTopic,
      batchBytesMax: Number(bytes ?? 0),
      cleanupPolicy: ofSource.get(topic)?.get('cleanup.policy') ?? '',
      targetCodecs: acceptedCodecs(config.settings['target.codecs'], produce)
    }]
  }))
  const samples = await sampleTopics(source, some.map(({ sourcePartitions, topic }): SampledTopic =>
    ({
      topic,
      partitions: sourcePartitions,
      batchBytesMax: facts.get(topic)?.batchBytesMax ?? 0,
      keepsProducerTimestamps: config.forwarder.keepProducerTimestamps !== 0
    })), signal)
  return new Map([...samples].flatMap(([topic, sample]) => {
    const known = facts.get(topic)
    return known === undefined ? [] : [[topic, judgeBatches(sample, known)] as const]
  }))
}

/** Pure. */
export function judgeBatches (
  { batches, hasRecords, problem }: TopicSample, facts: TopicFacts
): TopicBatches {
  const judged = batches.filter(({ action }) => action !== 'drop')
    .map(batch => ({ batch, reason: reasonFor(batch, facts) }))
  const reasons: Partial<Record<BatchReason, number>> = {}
  for (const { reason } of judged) {
    if (reason !== 'none') reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  const passing = judged.filter(({ reason }) => reason === 'none').length
  const largest = Math.max(0, ...judged.map(({ batch }) => batch.bytes))
  const why = [
    ...Object.entries(reasons).map(([reason, count]) =>
      `${count} of ${judged.length} sampled batches: ${explain(reason, largest, facts)}`),
    ...facts.cleanupPolicy.includes('compact') && reasons.compacted === undefined
      ? ['cleanup.policy=compact: batches from which the cleaner removes records are re-encoded']
      : [],
    ...problem === undefined ? [] : [problem]
  ]
  return {
    verdict: verdictOf(judged.length, passing, hasRecords, problem),
    sampled: judged.length,
    passing,
    reasons,
    codecs: [...new Set(judged.map(({ batch }) => batch.codec))].toSorted(),
    why
  }
}

function verdictOf (
  judged: number, passing: number, hasRecords: boolean, problem: string | undefined
): TopicBatches['verdict'] {
  if (judged === 0) return hasRecords || problem !== undefined ? 'unknown' : 'no records'
  if (passing === judged) return 'pass'
  return passing === 0 ? 're-encode' : 'mixed'
}

function reasonFor (
  { action, codec, reason }: SampledBatch, { targetCodecs }: TopicFacts
): BatchReason {
  if (action === 'reencode') return reason
  return targetCodecs.length > 0 && !targetCodecs.includes(codec) ? 'codec' : 'none'
}

/** Produce before v7 (Kafka before 2.1) accepts no zstd; other refusals show only when it runs. */
function acceptedCodecs (configured: readonly string[], produce: number): readonly string[] {
  if (configured.length > 0) return configured
  return produce >= 0 && produce < produceZstdFrom ? ['none', 'gzip', 'snappy', 'lz4'] : []
}

function explain (
  reason: string, largest: number, { batchBytesMax, remoteTopic, targetCodecs }: TopicFacts
): string {
  switch (reason) {
    case 'compacted': return 'compaction has removed records from them'
    case 'log_append_time':
      return 'their timestamps are append times (message.timestamp.type=LogAppendTime)'
    case 'old_magic': return 'they are in the message format of Kafka before 0.11'
    case 'codec': return `the target accepts only ${targetCodecs.join(', ')}`
    case 'too_large': return `larger (up to ${largest} bytes) than max.message.bytes=` +
      `${batchBytesMax} of ${remoteTopic}: they are divided, and a single record that is larger ` +
      'stops its partition'
    default: return reason
  }
}

/** Undefined: the principal may not read the settings of brokers. */
async function brokerDefault (admin: ClusterAdmin, node: number): Promise<string | undefined> {
  try {
    const [broker] = await admin.describeConfigs([{ type: 'broker', name: String(node) }])
    return broker?.entries.find(({ name }) => name === sizeBoundOfBroker)?.value ?? undefined
  } catch (thrown) {
    if (!(thrown instanceof ReplicatorError)) throw thrown
    return undefined
  }
}
