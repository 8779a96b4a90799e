// Creates the missing remote topics of a flow and adds missing partitions, or has the target
// validate both. The partition count only grows; a deletion is never mirrored.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { leftOutWarnings, type LeftOutSettings } from './left-out-settings.ts'
import type { Settings } from './source-settings.ts'
import { createRemoteTopics, type CreationOptions } from './topic-creation.ts'
import {
  planTopics, type PlannedTopic, type TopicPlan, type TopicPlanOptions, type TopicProblem
} from './topic-plan.ts'

export interface TopicSyncOptions extends TopicPlanOptions, CreationOptions {
  /** Whether this process creates and grows the remote topic; another process may not. */
  readonly mayChange: (topic: string) => boolean
}

export interface MirroredTopic {
  readonly topic: string
  readonly remoteTopic: string
  /** Partitions that exist on both clusters. */
  readonly partitions: number
}

export interface TopicSyncResult extends Pick<TopicPlan, 'leftOut' | 'unknown' | 'onSource'> {
  readonly topics: readonly MirroredTopic[]
  /** Every topic that the flow must mirror, whether or not its remote topic exists. */
  readonly planned: readonly PlannedTopic[]
  /** Topics, or some of their partitions, that cannot be mirrored now; the others can. */
  readonly problems: readonly TopicProblem[]
  /**
   * Topics of the source that lack partitions on the target, because of a problem or because
   * another process must create them. A call some seconds later may find more partitions.
   */
  readonly unsettled: readonly string[]
  /** To be logged once: settings that the target refuses, a request that ended the call early. */
  readonly warnings: readonly ReplicatorError[]
  /** Settings that the target has refused for topics that were created. */
  readonly refused: readonly LeftOutSettings[]
  /** The new topics, by source topic, with the settings of their remote topics. */
  readonly created: ReadonlyMap<string, Settings>
  readonly grown: readonly string[]
}

/** The result of a change to one remote topic. */
interface Outcome {
  readonly topic: string
  /** Undefined: the remote topic is as wanted now, whichever process changed it. */
  readonly error: ReplicatorError | undefined
  readonly changed: boolean
}

interface Outcomes<Each extends Outcome> {
  readonly outcomes: readonly Each[]
  /** A request failed as a whole; changes that were not requested before it have no outcome. */
  readonly failure: ReplicatorError | undefined
}

/**
 * A second or two of a controller's work: the longest wait of an abort, the most that one failure
 * loses.
 */
const topicsPerStep = 200

/** One topic that fails does not stop the others. */
export async function syncTopicsOnce (options: TopicSyncOptions): Promise<TopicSyncResult> {
  return await applyPlan(await planTopics(options), options)
}

export async function applyPlan (
  plan: TopicPlan, options: TopicSyncOptions
): Promise<TopicSyncResult> {
  const incomplete = plan.topics.filter(planned => !isComplete(planned))
  const ours = incomplete.filter(({ topic }) => options.mayChange(topic))
  const creation = await inSteps(ours.filter(({ targetPartitions }) => targetPartitions === 0),
    async step => await createRemoteTopics(step, options))
  const growth = await inSteps(
    creation.failure === undefined ? ours.filter(planned => planned.targetPartitions > 0) : [],
    async step => await growRemoteTopics(step, options))
  const outcomes = [...creation.outcomes, ...growth.outcomes]
  const changed = new Set(outcomes.flatMap(({ topic, error }) => error === undefined ? topic : []))
  return {
    leftOut: plan.leftOut,
    unknown: plan.unknown,
    onSource: plan.onSource,
    topics: mirrored(plan.topics, changed),
    planned: plan.topics,
    problems: [...plan.problems, ...outcomes.flatMap(
      ({ topic, error }) => error === undefined ? [] : [{ topic, error }])],
    unsettled: [
      ...plan.problems.filter(({ error, mustStop }) =>
        error.errorName !== 'REMOTE_NAME_TOO_LONG' && mustStop !== true),
      ...incomplete.filter(({ topic }) => !changed.has(topic))
    ].map(({ topic }) => topic),
    warnings: [
      ...leftOutWarnings(options.target.cluster, creation.outcomes),
      ...[creation.failure, growth.failure].flatMap(failure => failure ?? [])
    ],
    refused: creation.outcomes.filter(({ leftOut }) => leftOut.length > 0),
    created: new Map(creation.outcomes.flatMap(({ changed, configs = {}, topic }) =>
      changed ? [[topic, configs] as const] : [])),
    grown: growth.outcomes.filter(each => each.changed).map(({ topic }) => topic)
  }
}

function isComplete ({ sourcePartitions, targetPartitions }: PlannedTopic): boolean {
  return targetPartitions >= sourcePartitions
}

function mirrored (
  topics: readonly PlannedTopic[], changed: ReadonlySet<string>
): readonly MirroredTopic[] {
  return topics.flatMap(({ topic, remoteTopic, sourcePartitions, targetPartitions }) => {
    const partitions = changed.has(topic)
      ? sourcePartitions
      : Math.min(sourcePartitions, targetPartitions)
    return partitions > 0 ? [{ topic, remoteTopic, partitions }] : []
  })
}

/** A step that fails ends the round: the next steps would wait for the same cluster. */
async function inSteps<Each extends Outcome> (
  topics: readonly PlannedTopic[],
  change: (step: readonly PlannedTopic[]) => Promise<readonly Each[]>
): Promise<Outcomes<Each>> {
  const outcomes: Each[] = []
  for (let begin = 0; begin < topics.length; begin += topicsPerStep) {
    try {
      outcomes.push(...await change(topics.slice(begin, begin + topicsPerStep)))
    } catch (thrown) {
      if (!(thrown instanceof ReplicatorError)) throw thrown // aborted
      return { outcomes, failure: thrown }
    }
  }
  return { outcomes, failure: undefined }
}

async function growRemoteTopics (
  topics: readonly PlannedTopic[], { source, target, signal, validateOnly }: TopicSyncOptions
): Promise<readonly Outcome[]> {
  signal.throwIfAborted()
  const results = await target.createPartitions(topics.map(
    ({ remoteTopic, sourcePartitions }) => ({ name: remoteTopic, partitions: sourcePartitions })),
  { validateOnly })
  return topics.map(({ topic, remoteTopic, sourcePartitions, targetPartitions }, i) => {
    const cause = results[i]?.error
    if (cause === undefined) return { topic, error: undefined, changed: true }
    const error = new ReplicatorError('TARGET_FEWER_PARTITIONS', `${remoteTopic} on ` +
      `${target.cluster} has ${targetPartitions} partitions, ${topic} on ${source.cluster} has ` +
      `${sourcePartitions}, and ${target.cluster} refuses to add partitions: ${cause.message}`,
    { cause })
    return { topic, error, changed: false }
  })
}
