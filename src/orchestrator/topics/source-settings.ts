// The settings that a remote topic copies from its source topic: those set on the source topic
// itself, with use.defaults.from=source also the defaults of the source topic, and bounds on
// timestamps that accept every record which the source accepted.
import type { ClusterAdmin, ConfigEntry } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ConfigPropertyFilter } from '../policy/config-property-filter.ts'

export type Settings = Readonly<Record<string, string>>

export interface WantedSettings {
  /** Settings of the source topic, or defaults that are copied, without excluded settings. */
  readonly settings: Settings
  /**
   * Sets of bounds on how old and how new a record may be, best first, because brokers before 3.6
   * and brokers from 4.0 on name the bound differently. The last set is empty.
   */
  readonly bounds: readonly [Settings, ...Settings[]]
}

const noSettings: WantedSettings = { settings: {}, bounds: [{}] }

const before = 'message.timestamp.before.max.ms'
const after = 'message.timestamp.after.max.ms'
const difference = 'message.timestamp.difference.max.ms'
const unbounded = '9223372036854775807'

/**
 * By source topic. If the source does not return the settings of a topic, the topic has an error; a
 * topic that was deleted after it was listed has no entry. The target's defaults would be a guess:
 * the records of a compacted topic would be deleted after a week.
 */
export async function readSourceSettings (
  source: ClusterAdmin, topics: readonly string[], filter: ConfigPropertyFilter
): Promise<ReadonlyMap<string, WantedSettings | ReplicatorError>> {
  if (filter.excludesAll) return new Map(topics.map(topic => [topic, noSettings]))
  const described = await source.describeConfigs(
    topics.map(name => ({ type: 'topic' as const, name })))
  const byTopic = new Map<string, WantedSettings | ReplicatorError>()
  for (const { name, entries, error } of described) {
    if (error === undefined) byTopic.set(name, wantedSettings(entries, filter))
    else if (error.errorName !== 'UNKNOWN_TOPIC_OR_PARTITION') {
      const detail = `${name} on ${source.cluster}: ${error.row.text} (${error.errorName})`
      byTopic.set(name, new ReplicatorError('TOPIC_SETTINGS_UNREADABLE', detail, { cause: error }))
    }
  }
  return byTopic
}

export function wantedSettings (
  entries: readonly ConfigEntry[], filter: ConfigPropertyFilter
): WantedSettings {
  const settings = entries
    // Not `isDefault`: Kafka 4.1 reports min.insync.replicas as non-default although it was never
    // set.
    .filter(({ source }) => source === 'DYNAMIC_TOPIC_CONFIG' ||
      (filter.copiesDefaults && source !== 'STATIC_BROKER_CONFIG'))
    .filter(({ name, readOnly, sensitive }) =>
      !readOnly && !sensitive && !filter.excludes(name))
    .filter(({ name }) => name !== before && name !== after)
    .flatMap(({ name, value }) => value === null ? [] : [[name, value] as const])
  return { settings: Object.fromEntries(settings), bounds: timestampBounds(entries, filter) }
}

/**
 * A record that the source accepted grows older until it is mirrored, so no bound on its age is
 * copied. It does not grow newer: the bound of the source is enough, whatever the target's default.
 */
function timestampBounds (
  entries: readonly ConfigEntry[], filter: ConfigPropertyFilter
): WantedSettings['bounds'] {
  const effective = (name: string) => entries.find(entry => entry.name === name)?.value ?? undefined
  const old = effective(difference)
  // Brokers 3.6 to 3.9 have both names, and the old name counts wherever it is set.
  const newest = old !== undefined && old !== unbounded ? old : effective(after) ?? old
  if (newest === undefined) return [{}]
  const bounds = { [before]: unbounded, [after]: newest }
  const wanted = Object.entries(bounds).filter(([name]) => !filter.excludes(name))
  if (wanted.length === 0) return [{}]
  return [Object.fromEntries(wanted), { [difference]: unbounded }, {}]
}
