// Settings of remote topics that differ from those of their source topics in a way that stops
// partitions, changes records or costs CPU. One row for each comparison.
import { plural } from '../observability/format.ts'
import type { AppliedSettings } from '../plan/topic-settings.ts'
import { settingsOfTopics } from '../plan/topic-settings.ts'
import { examinedTopicsMax, listed, type Check, type Finding, type Severity } from './check.ts'

export interface ComparedTopic {
  readonly topic: string
  readonly remoteTopic: string
  readonly source: AppliedSettings
  readonly target: AppliedSettings
  /** Of the remote topic. */
  readonly replicas: number
}

interface ComparisonRow {
  readonly severity: Severity
  /** What differs, `undefined`: nothing that matters. */
  readonly differs: (topic: ComparedTopic) => string | undefined
  readonly advice: string
}

function values (
  { source, target }: ComparedTopic, name: string
): readonly [string | undefined, string | undefined] {
  return [source.get(name), target.get(name)]
}

/** The target's bound is narrower than the source's. */
function isNarrower (topic: ComparedTopic, name: string): string | undefined {
  const [ofSource, ofTarget] = values(topic, name)
  if (ofSource === undefined || ofTarget === undefined) return undefined
  return BigInt(ofTarget) < BigInt(ofSource)
    ? `${name} is ${ofTarget} on the target, ${ofSource} on the source`
    : undefined
}

/** `compact,delete` and `delete, compact` are the same. */
function parts (list: string): string {
  return list.split(',').map(part => part.trim()).toSorted().join()
}

const comparisons: readonly ComparisonRow[] = [
  {
    severity: 'warning',
    differs: topic => isNarrower(topic, 'max.message.bytes'),
    advice: 'Raise max.message.bytes of the remote topic: larger batches are divided, and a ' +
      'single larger record stops its partition'
  },
  {
    severity: 'warning',
    differs: topic => {
      const [ofSource = '', ofTarget = ''] = values(topic, 'cleanup.policy')
      return parts(ofSource) === parts(ofTarget)
        ? undefined
        : `cleanup.policy is ${ofTarget} on the target, ${ofSource} on the source`
    },
    advice: 'Set the same cleanup.policy: otherwise the target deletes records that the source ' +
      'keeps, or refuses records without keys'
  },
  {
    severity: 'problem',
    differs: ({ replicas, target }) => {
      const needed = Number(target.get('min.insync.replicas') ?? 1)
      return replicas > 0 && needed > replicas
        ? `min.insync.replicas=${needed}, but ${replicas} replicas`
        : undefined
    },
    advice: 'Lower min.insync.replicas of the remote topic or give it more replicas: the target ' +
      'refuses every record'
  },
  {
    severity: 'note',
    differs: topic => {
      const [, ofTarget] = values(topic, 'compression.type')
      return ofTarget === undefined || ofTarget === 'producer'
        ? undefined
        : `compression.type=${ofTarget} on the target`
    },
    advice: 'Set compression.type=producer on the remote topic if the CPU of the target matters: ' +
      'its broker compresses batches of other codecs again'
  },
  {
    severity: 'warning',
    differs: topic => {
      const [ofSource, ofTarget] = values(topic, 'message.timestamp.type')
      return ofTarget === 'LogAppendTime' && ofSource !== 'LogAppendTime'
        ? 'message.timestamp.type=LogAppendTime on the target'
        : undefined
    },
    advice: 'Set message.timestamp.type=CreateTime on the remote topic: its broker replaces the ' +
      'timestamps of all records'
  },
  ...['message.timestamp.before.max.ms', 'message.timestamp.after.max.ms'].map(
    (name): ComparisonRow => ({
      severity: 'warning',
      differs: topic => isNarrower(topic, name),
      advice: `Raise ${name} of the remote topic: it refuses records that the source accepted`
    }))
]

/** Pure. Topics that differ in the same way are one finding. */
export function judgeSettings (topics: readonly ComparedTopic[]): readonly Finding[] {
  const findings = comparisons.flatMap(({ advice, differs, severity }): readonly Finding[] => {
    const byText = new Map<string, string[]>()
    for (const topic of topics) {
      const text = differs(topic)
      if (text === undefined) continue
      byText.set(text, [...byText.get(text) ?? [], topic.remoteTopic])
    }
    return [...byText].map(([measured, names]) =>
      ({ severity, about: listed(names), measured, advice }))
  })
  if (findings.length > 0 || topics.length === 0) return findings
  return [{
    severity: 'ok',
    about: plural(topics.length, 'topic'),
    measured: 'the settings that matter are the same on both clusters'
  }]
}

export const topicSettingsCheck: Check = {
  name: 'topic settings',
  run: async ({ clusters: { source, target }, flow: { check } }) => {
    const existing = check.topics.filter(({ targetPartitions }) => targetPartitions > 0)
      .slice(0, examinedTopicsMax)
    if (existing.length === 0) return []
    const remoteNames = existing.map(({ remoteTopic }) => remoteTopic)
    const [ofSource, ofTarget, described] = await Promise.all([
      settingsOfTopics(source, existing.map(({ topic }) => topic)),
      settingsOfTopics(target, remoteNames),
      target.describeTopics(remoteNames)
    ])
    const replicas = new Map(described.map(({ name, partitions }) =>
      [name, Math.min(Infinity, ...partitions.map(each => each.replicas.length))]))
    return judgeSettings(existing.flatMap(({ remoteTopic, topic }) => {
      const [own, remote] = [ofSource.get(topic), ofTarget.get(remoteTopic)]
      return own === undefined || remote === undefined
        ? []
        : [{
            topic,
            remoteTopic,
            source: own,
            target: remote,
            replicas: replicas.get(remoteTopic) ?? 0
          }]
    }))
  }
}
