// Creates remote topics with the settings of their source topics, or has the target validate the
// creation. A setting that the target refuses is left out of that topic.
import type { ClusterAdmin, NewTopic } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ConfigPropertyFilter } from '../policy/config-property-filter.ts'
import {
  mayBeAboutSettings, searchAcceptedSettings, type Answer, type Attempt, type LeftOutSetting
} from './accepted-settings.ts'
import { readSourceSettings, type Settings, type WantedSettings } from './source-settings.ts'

export interface MissingTopic {
  readonly topic: string
  readonly remoteTopic: string
  readonly sourcePartitions: number
}

export interface CreationOptions {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly replicationFactor: number
  readonly configProperties: ConfigPropertyFilter
  /** The target validates every topic and creates none. */
  readonly validateOnly: boolean
  readonly signal: AbortSignal
}

/** The result for one topic. */
export interface CreationOutcome {
  readonly topic: string
  /** Undefined: the remote topic exists now. */
  readonly error: ReplicatorError | undefined
  /** False: the remote topic existed before. */
  readonly changed: boolean
  readonly leftOut: readonly LeftOutSetting[]
  /** The settings that the new topic has been created with; absent if it was not created. */
  readonly configs?: Settings
}

type Creation = Generator<Attempt, Omit<CreationOutcome, 'topic'>, Answer>

interface Step {
  readonly missing: MissingTopic
  readonly creation: Creation
  readonly attempt: Attempt
}

/**
 * Two requests for all topics, and some more for topics with a refused setting. A topic that was
 * deleted from the source meanwhile has no outcome.
 */
export async function createRemoteTopics (
  topics: readonly MissingTopic[], options: CreationOptions
): Promise<readonly CreationOutcome[]> {
  options.signal.throwIfAborted()
  const settings = await readSourceSettings(
    options.source, topics.map(({ topic }) => topic), options.configProperties)
  const outcomes: CreationOutcome[] = []
  let steps: Step[] = []
  const advance = (missing: MissingTopic, creation: Creation, answer: Answer): void => {
    const next = creation.next(answer) // the first call of a generator ignores the answer
    if (next.done === true) outcomes.push({ topic: missing.topic, ...next.value })
    else steps.push({ missing, creation, attempt: next.value })
  }
  for (const missing of topics) {
    const wanted = settings.get(missing.topic)
    if (wanted instanceof ReplicatorError) {
      outcomes.push({ topic: missing.topic, error: wanted, changed: false, leftOut: [] })
    } else if (wanted !== undefined) {
      advance(missing, createOne(wanted, missing, options), undefined)
    }
  }
  while (steps.length > 0) {
    const asked = steps
    const answers = await ask(asked, options)
    steps = []
    for (const step of asked) advance(step.missing, step.creation, answers.get(step))
  }
  return outcomes
}

async function ask (
  steps: readonly Step[], { target, replicationFactor, signal }: CreationOptions
): Promise<ReadonlyMap<Step, Answer>> {
  const answers = new Map<Step, Answer>()
  for (const validateOnly of [true, false]) {
    const some = steps.filter(({ attempt }) => attempt.validateOnly === validateOnly)
    if (some.length === 0) continue
    signal.throwIfAborted()
    const topics = some.map(({ missing, attempt: { configs } }): NewTopic => {
      const { remoteTopic: name, sourcePartitions: partitions } = missing
      return { name, partitions, replicationFactor, configs }
    })
    const results = await target.createTopics(topics, { validateOnly })
    for (const [i, step] of some.entries()) answers.set(step, results[i]?.error)
  }
  return answers
}

/** Yields the next request for one topic, receives the target's answer. */
function * createOne (
  wanted: WantedSettings, { remoteTopic }: MissingTopic, options: CreationOptions
): Creation {
  const { replicationFactor, target, validateOnly } = options
  const { settings, bounds: [bounds] } = wanted
  let configs: Settings = { ...settings, ...bounds }
  let answer: Answer = yield { configs, validateOnly }
  let leftOut: readonly LeftOutSetting[] = []
  if (answer !== undefined && mayBeAboutSettings(answer)) {
    const found = yield * searchAcceptedSettings(wanted, answer)
    if (found instanceof ReplicatorError) answer = found
    else {
      configs = found.configs
      answer = yield { configs, validateOnly }
      leftOut = found.leftOut
    }
  }
  if (answer === undefined) return { error: undefined, changed: true, leftOut, configs }
  // Another process created the topic after the topics were listed, or the principal lacks DESCRIBE
  // on the topic.
  if (answer.errorName === 'TOPIC_ALREADY_EXISTS') {
    return { error: undefined, changed: false, leftOut: [] }
  }
  const error = new ReplicatorError('TOPIC_CREATE_FAILED', `${remoteTopic} on ${target.cluster}: ` +
    `${answer.message} [replication.factor=${replicationFactor}]`, { cause: answer })
  return { error, changed: false, leftOut: [] }
}
