// Which settings a remote topic copies from its source topic: those set on the source topic itself,
// with use.defaults.from=source also the defaults that hold for the source topic, and bounds on
// timestamps that accept every record which the source accepted.
import type { ClusterAdmin, ConfigEntry } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ConfigPropertyFilter } from '../policy/config-property-filter.ts'

export type Settings = Readonly<Record<string, string>>

export interface WantedSettings {
  /** Set on the source topic, or a default that is copied, and not excluded. */
  readonly settings: Settings
  /**
   * Ways to say how old and how new a record may be, best first, because brokers before 3.6 have
   * another name for it than brokers from 4.0 on. The last way is to say nothing.
   */
  readonly bounds: readonly [Settings, ...Settings[]]
}

const noSettings: WantedSettings = { settings: {}, bounds: [{}] }

const before = 'message.timestamp.before.max.ms'
const after = 'message.timestamp.after.max.ms'
const difference = 'message.timestamp.difference.max.ms'
const unbounded = '9223372036854775807'

/**
 * By source topic; a topic whose settings the source does not show has an error, one that was
 * deleted since it was listed has nothing. The target's defaults would be a guess: a compacted
 * topic would become one whose records are deleted after a week.
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
    // Not `isDefault`: Kafka 4.1 reports min.insync.replicas as non-default where nobody set it.
    .filter(({ source }) => source === 'DYNAMIC_TOPIC_CONFIG' ||
      (filter.copiesDefaults && source !== 'STATIC_BROKER_CONFIG'))
    .filter(({ name, readOnly, sensitive }) =>
      !readOnly && !sensitive && !filter.excludes(name))
    .filter(({ name }) => name !== before && name !== after)
    .flatMap(({ name, value }) => value === null ? [] : [[name, value] as const])
  return { settings: Object.fromEntries(settings), bounds: timestampBounds(entries, filter) }
}

/**
 * A record that the source accepted grows older while it waits to be mirrored, so no bound on its
 * age is copied. It does not grow newer: the bound of the source is enough, whatever default
 * the target has.
 */
function timestampBounds (
  entries: readonly ConfigEntry[], filter: ConfigPropertyFilter
): WantedSettings['bounds'] {
  const effective = (name: string) => entries.find(entry => entry.name === name)?.value ?? undefined
  const old = effective(difference)
  // Brokers 3.6 to 3.9 have both names, and the old one counts wherever somebody has set it.
  const newest = old !== undefined && old !== unbounded ? old : effective(after) ?? old
  if (newest === undefined) return [{}]
  const bounds = { [before]: unbounded, [after]: newest }
  const wanted = Object.entries(bounds).filter(([name]) => !filter.excludes(name))
  if (wanted.length === 0) return [{}]
  return [Object.fromEntries(wanted), { [difference]: unbounded }, {}]
}
