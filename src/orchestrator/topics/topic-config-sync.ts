// Keeps the settings of remote topics equal to those of their source topics. A setting that the
// target refuses is left out of that topic and reported once; the other settings are applied.
import type { ClusterAdmin, ConfigAlteration, ConfigChange } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ConfigPropertyFilter } from '../policy/config-property-filter.ts'
import { mayBeAboutSettings } from './accepted-settings.ts'
import { configChanges } from './config-changes.ts'
import { leftOutWarnings, listed, type LeftOutSettings } from './left-out-settings.ts'
import type { RefusedSettings } from './refused-settings.ts'
import { readSourceSettings, type Settings } from './source-settings.ts'

export interface TopicConfigSyncOptions {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly configProperties: ConfigPropertyFilter
  readonly refused: RefusedSettings
}

export interface SyncedTopic {
  readonly topic: string
  readonly remoteTopic: string
}

export interface TopicConfigSyncResult {
  /** Source topics whose remote topics have new settings. */
  readonly changed: readonly string[]
  /** Settings that the target has refused for the first time. */
  readonly warnings: readonly ReplicatorError[]
  /** TOPIC_CONFIG_SYNC_FAILED: topics whose settings cannot be read or changed. */
  readonly failure: ReplicatorError | undefined
}

interface Change {
  readonly topic: string
  readonly remoteTopic: string
  readonly changes: readonly ConfigChange[]
  /** The values on the target, set or by default. */
  readonly present: ReadonlyMap<string, string | null>
}

export interface SettingChange {
  readonly name: string
  /** Null: the target does not know the setting, or does not show its value. */
  readonly from: string | null
  /** Null: the setting of the topic is removed, so that the default applies. */
  readonly to: string | null
}

/** What syncOnce() would change, as the target validates it. */
export interface TopicConfigPlan extends Pick<TopicConfigSyncResult, 'failure' | 'warnings'> {
  /** By source topic, without the settings that the target refuses. */
  readonly changes: ReadonlyMap<string, readonly SettingChange[]>
}

interface Outcome {
  readonly change: Change
  readonly error: ReplicatorError | undefined
}

interface Plan {
  readonly changes: readonly Change[]
  /** By source topic: why one of the clusters does not return the settings. */
  readonly errors: ReadonlyMap<string, ReplicatorError>
  readonly onSource: ReadonlyMap<string, Settings>
}

export class TopicConfigSync {
  readonly #options: TopicConfigSyncOptions
  /**
   * The settings of each source topic when its remote topic was last updated: one entry for each
   * mirrored topic. A topic that fails keeps its entry, so that the next run still detects a
   * setting that was deleted on the source.
   */
  #previous: ReadonlyMap<string, Settings> = new Map()

  constructor (options: TopicConfigSyncOptions) {
    this.#options = options
  }

  /** Rejects if a request fails as a whole. */
  async syncOnce (
    topics: readonly SyncedTopic[], signal: AbortSignal
  ): Promise<TopicConfigSyncResult> {
    const { refused, target } = this.#options
    if (this.#options.configProperties.excludesAll) {
      return { changed: [], warnings: [], failure: undefined }
    }
    const { changes, errors, onSource } = await this.#plan(topics, signal)
    const outcomes = await this.#alter(changes, signal, false)
    const failed = failedOf(errors, outcomes)
    this.#remember(topics, onSource, failed)
    refused.retain(new Set(topics.map(({ topic }) => topic)))
    const warnings = leftOutWarnings(target.cluster, refused.add(outcomes.flatMap(leftOutOf)))
    const changed = [...new Set(outcomes.filter(({ error }) => error === undefined)
      .map(({ change }) => change.topic))]
    return { changed, warnings, failure: failureOf(failed) }
  }

  /** Changes nothing, and remembers nothing for the next run. */
  async planOnce (
    topics: readonly SyncedTopic[], signal: AbortSignal
  ): Promise<TopicConfigPlan> {
    if (this.#options.configProperties.excludesAll || topics.length === 0) {
      return { changes: new Map(), warnings: [], failure: undefined }
    }
    const { changes, errors } = await this.#plan(topics, signal)
    const outcomes = await this.#alter(changes, signal, true)
    const accepted = new Map<string, SettingChange[]>()
    for (const { change: { changes, present, topic }, error } of outcomes) {
      if (error !== undefined) continue
      const known = accepted.get(topic) ?? []
      accepted.set(topic, [...known, ...changes.map(({ name, value = null }) =>
        ({ name, from: present.get(name) ?? null, to: value }))])
    }
    const { cluster } = this.#options.target
    return {
      changes: accepted,
      warnings: leftOutWarnings(cluster, outcomes.flatMap(leftOutOf)),
      failure: failureOf(failedOf(errors, outcomes))
    }
  }

  async #plan (topics: readonly SyncedTopic[], signal: AbortSignal): Promise<Plan> {
    const { configProperties, refused, source, target } = this.#options
    signal.throwIfAborted()
    const [wanted, described] = await Promise.all([
      readSourceSettings(source, topics.map(({ topic }) => topic), configProperties),
      target.describeConfigs(topics.map(({ remoteTopic }) =>
        ({ type: 'topic' as const, name: remoteTopic })))
    ])
    const errors = new Map<string, ReplicatorError>()
    const onSource = new Map<string, Settings>()
    const changes: Change[] = []
    for (const [i, { topic, remoteTopic }] of topics.entries()) {
      const ofSource = wanted.get(topic)
      const onTarget = described[i]
      if (ofSource instanceof ReplicatorError) errors.set(topic, ofSource)
      else if (onTarget?.error !== undefined) {
        if (!isGone(onTarget.error)) errors.set(topic, onTarget.error)
      } else if (ofSource !== undefined && onTarget !== undefined) {
        onSource.set(topic, ofSource.settings)
        const needed = configChanges(ofSource, onTarget.entries, this.#previous.get(topic))
          .filter(({ name, value }) => value === undefined || !refused.has(topic, name, value))
        const present = new Map(onTarget.entries.map(({ name, value }) => [name, value]))
        if (needed.length > 0) changes.push({ topic, remoteTopic, changes: needed, present })
      }
    }
    return { changes, errors, onSource }
  }

  #remember (
    topics: readonly SyncedTopic[], onSource: Plan['onSource'],
    failed: ReadonlyMap<string, ReplicatorError>
  ): void {
    this.#previous = new Map(topics.flatMap(({ topic }) => {
      const settings = failed.has(topic) ? undefined : onSource.get(topic)
      const known = settings ?? this.#previous.get(topic)
      return known === undefined ? [] : [[topic, known]]
    }))
  }

  /**
   * The target accepts all changes of a topic or none: after a refusal, each change is sent
   * separately.
   */
  async #alter (
    changes: readonly Change[], signal: AbortSignal, validateOnly: boolean
  ): Promise<readonly Outcome[]> {
    const outcomes = await this.#send(changes, signal, validateOnly)
    const done = outcomes.filter(({ change, error }) =>
      error === undefined || !mayBeAboutSettings(error) || change.changes.length === 1)
    const refused = outcomes.filter(outcome => !done.includes(outcome))
    const most = Math.max(0, ...refused.map(({ change }) => change.changes.length))
    for (let i = 0; i < most; i++) {
      done.push(...await this.#send(refused.flatMap(({ change }) =>
        i < change.changes.length
          ? [{ ...change, changes: change.changes.slice(i, i + 1) }]
          : []), signal, validateOnly))
    }
    return done
  }

  async #send (
    changes: readonly Change[], signal: AbortSignal, validateOnly: boolean
  ): Promise<readonly Outcome[]> {
    if (changes.length === 0) return []
    signal.throwIfAborted()
    const results = await this.#options.target.incrementalAlterConfigs(
      changes.map(({ changes, remoteTopic }): ConfigAlteration =>
        ({ type: 'topic', name: remoteTopic, changes })), { validateOnly })
      .catch((thrown: unknown) => { throw this.#withoutRequest(thrown) })
    return changes.map((change, i) => ({ change, error: results[i]?.error }))
  }

  #withoutRequest (thrown: unknown): unknown {
    const error = ReplicatorError.from(thrown)
    if (error.errorName !== '_UNSUPPORTED_FEATURE') return thrown
    const { cluster } = this.#options.target
    return new ReplicatorError('TOPIC_CONFIG_SYNC_FAILED',
      `the brokers of ${cluster} cannot change single settings, as Kafka 2.3 and later can`, {
        cause: error,
        action: 'Set sync.topic.configs.enabled=false, or use brokers of Kafka 2.3 or later'
      })
  }
}

/** By source topic: errors that are about more than a refused setting. */
function failedOf (
  errors: Plan['errors'], outcomes: readonly Outcome[]
): ReadonlyMap<string, ReplicatorError> {
  const failed = new Map(errors)
  for (const { change, error } of outcomes) {
    if (error === undefined || mayBeAboutSettings(error) || isGone(error)) continue
    failed.set(change.topic, error)
  }
  return failed
}

function failureOf (
  failed: ReadonlyMap<string, ReplicatorError>
): ReplicatorError | undefined {
  const [example] = failed.values()
  if (example === undefined) return undefined
  return new ReplicatorError('TOPIC_CONFIG_SYNC_FAILED',
    `${listed([...failed.keys()])}: ${example.message}`, { cause: example })
}

/** The topic was deleted after it was listed. */
function isGone ({ errorName }: ReplicatorError): boolean {
  return errorName === 'UNKNOWN_TOPIC_OR_PARTITION'
}

function leftOutOf ({ change, error }: Outcome): readonly LeftOutSettings[] {
  if (error === undefined || !mayBeAboutSettings(error)) return []
  const leftOut = change.changes.map(({ name, value = '' }) => ({ name, value, refusal: error }))
  return [{ topic: change.topic, leftOut }]
}
