// The processes of a flow, as they announce themselves: which of them live, and whether their
// settings agree. Pure: the caller passes the time.
import type { FlowConfig } from '../config/config.ts'
import { rowOf, type FlowSetting } from '../config/config-table.ts'
import type { FlowMember } from './control-record.ts'

/** A process announces itself this often; a process that missed three announcements is not live. */
export const announceMs = 30_000
const goneMs = 3 * announceMs

interface Seen {
  readonly member: FlowMember
  /** By this host's clock: the clocks of hosts differ. */
  readonly atMs: number
  /**
   * Whether the announcement arrived while this process listened; an earlier author may be dead.
   */
  readonly isHeard: boolean
}

export class FlowMembers {
  readonly #seen = new Map<string, Seen>()

  /** A member has announced itself; `isHeard`: just now, not before this process started. */
  announced (member: FlowMember, nowMs: number, isHeard: boolean): void {
    this.#seen.set(member.name, { member, atMs: nowMs, isHeard })
  }

  left (name: string): void { this.#seen.delete(name) }

  /** The members whose last announcement is recent enough. */
  present (nowMs: number): readonly FlowMember[] {
    return this.#seenOf(({ atMs }) => nowMs - atMs <= goneMs)
  }

  /** Members that certainly live: they have announced themselves while this process listened. */
  heard (nowMs: number): readonly FlowMember[] {
    return this.#seenOf(({ atMs, isHeard }) => isHeard && nowMs - atMs <= goneMs)
  }

  /** Members that stopped announcing themselves without a record that they left. */
  gone (nowMs: number): readonly FlowMember[] {
    return this.#seenOf(({ atMs }) => nowMs - atMs > goneMs)
  }

  #seenOf (isWanted: (seen: Seen) => boolean): readonly FlowMember[] {
    return [...this.#seen.values()].filter(isWanted).map(({ member }) => member)
  }
}

/**
 * Settings of a process, not of the flow: how much of its host it uses, and how long it waits. All
 * other settings must be the same in every process that shares the flow.
 */
const ownSettings: ReadonlySet<FlowSetting> = new Set<FlowSetting>([
  'enabled', 'admin.timeout.ms', 'lanes', 'lane.rebalance.interval.ms',
  'connections.per.broker.max', 'partition.in.flight.bytes.max',
  'partition.batches.in.flight', 'fetch.max.bytes',
  'max.partition.fetch.bytes', 'fetch.min.bytes', 'fetch.max.wait.ms', 'batch.size', 'linger.ms',
  'max.request.size', 'max.in.flight.requests.per.connection', 'request.timeout.ms',
  'retry.backoff.ms', 'retry.backoff.max.ms', 'metadata.max.age.ms', 'decoded.bytes.max',
  'session.timeout.ms', 'progress.interval.ms', 'accepted.cluster.id', 'fault.retry.interval.ms',
  'readiness.faulted.partitions.max', 'refresh.topics.interval.seconds'
])

/** The settings that all processes of a flow must share, by name, as text. */
export function sharedSettings (config: FlowConfig): Readonly<Record<string, string>> {
  const names = (Object.keys(config.settings) as FlowSetting[])
    .filter(name => !ownSettings.has(name))
  const ofTopics = [...config.topicSettings].flatMap(([topic, settings]) =>
    Object.entries(settings).map(([name, value]) => [`topic.${topic}.${name}`, String(value)]))
  return Object.fromEntries([
    ...names.map(name => [name, rowOf(name).show(config.settings[name])]),
    ...ofTopics
  ].sort(([one = ''], [other = '']) => one < other ? -1 : 1)) as Readonly<Record<string, string>>
}

/** Each setting that differs, with the value of this process and of the other process. */
export function differences (
  ours: Readonly<Record<string, string>>, theirs: Readonly<Record<string, string>>
): readonly string[] {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].sort()
    .filter(name => ours[name] !== theirs[name])
    .map(name => `${name}=${shown(ours[name])} here, ${shown(theirs[name])} there`)
}

const shownMax = 60

function shown (value: string | undefined): string {
  if (value === undefined) return '(not set)'
  return value.length > shownMax ? `${value.slice(0, shownMax)}...` : value
}
