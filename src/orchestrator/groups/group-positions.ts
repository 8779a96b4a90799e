// The offsets at which the consumer groups of the source would continue in the remote topics: their
// committed offsets, translated by the offset maps of the flow.
import type { ClusterAdmin, GroupListing, GroupOffset } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { GroupFilter } from '../policy/group-filter.ts'
import { judgeTopic, type TopicSelection } from '../policy/topic-filter.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { unlessAborted } from '../time/deadline.ts'
import { answerFor, translatedBy, type TranslatedOffset } from './group-offset-rules.ts'
import { RefinedOffsets, type MappedPosition, type WithRefinement } from './refined-offsets.ts'

export interface GroupPosition {
  readonly group: string
  readonly offsets: readonly TranslatedOffset[]
}

export interface GroupPositionsResult {
  /** By name; only groups that have an offset to translate. */
  readonly positions: readonly GroupPosition[]
  /**
   * A broker that did not answer, or groups that may not be described: the result has the others.
   */
  readonly failures: readonly ReplicatorError[]
  /** The groups of the source that the filter selects and that may have offsets, by name. */
  readonly groups: readonly string[]
  /** Share groups that the filter selects, by name: they have no committed offsets. */
  readonly shareGroups: readonly string[]
}

export interface GroupPositionsOptions {
  readonly source: Pick<ClusterAdmin, 'listGroups' | 'groupOffsets'>
  /** The present filter and selection: filters change while a flow runs. */
  readonly filter: () => GroupFilter
  readonly selection: () => TopicSelection
  /** The positions of source partitions, by partitionKey, whichever process mirrors them. */
  readonly progressOf: (
    partitions: readonly TopicPartition[], signal: AbortSignal
  ) => Promise<ReadonlyMap<string, Progress>>
  /** How often groups are listed; undefined: once, and with each other filter. */
  readonly refreshMs: () => number | undefined
  /** Reads records where an offset map is thinned. */
  readonly withRefinement: WithRefinement
  /** Receives the positions of each reading. */
  readonly onRead?: (positions: readonly GroupPosition[]) => void
  readonly clock: Clock
}

export class GroupPositions {
  readonly #options: GroupPositionsOptions
  readonly #refined: RefinedOffsets
  #groups: readonly string[] = []
  #shareGroups: readonly string[] = []
  /** With which the groups were listed. */
  #filter: GroupFilter | undefined
  #listedMs: number | undefined

  constructor (options: GroupPositionsOptions) {
    this.#options = options
    this.#refined = new RefinedOffsets(options.withRefinement, options.clock)
  }

  async read (signal: AbortSignal): Promise<GroupPositionsResult> {
    const result = await this.#readAll(signal)
    // Without groups because of a failure: what was read before stays.
    const isKnown = result.positions.length > 0 || result.failures.length === 0
    if (isKnown) this.#options.onRead?.(result.positions)
    return result
  }

  async #readAll (signal: AbortSignal): Promise<GroupPositionsResult> {
    const { progressOf, selection, source } = this.#options
    const failure = await this.#lookForGroups(signal)
    const failures = failure === undefined ? [] : [failure]
    const shareGroups = this.#shareGroups
    const groups = this.#groups
    if (groups.length === 0) return { positions: [], failures, groups, shareGroups }
    const committed = await unlessAborted(signal, source.groupOffsets(groups))
    failures.push(...refusalOf(committed.flatMap(({ error }) => error ?? [])))
    const topics = selection()
    const isMirrored = new Map<string, boolean>()
    const ofMirrored = committed.map(({ name, offsets }) => ({
      name,
      offsets: offsets.filter(({ topic }) => {
        const known = isMirrored.get(topic) ?? judgeTopic(topics, topic) === 'mirrored'
        isMirrored.set(topic, known)
        return known
      })
    })).filter(({ offsets }) => offsets.length > 0)
    const wanted = new Map(ofMirrored.flatMap(({ offsets }) =>
      offsets.map(each => [partitionKey(each), each] as const)))
    if (wanted.size === 0) return { positions: [], failures, groups, shareGroups }
    const progress = await progressOf([...wanted.values()], signal)
    const answered = ofMirrored.map(({ name, offsets }) =>
      ({ name, offsets: offsets.flatMap(each => mappedOffset(each, progress) ?? []) }))
    try {
      await this.#refined.learn(
        answered.flatMap(({ offsets }) => offsets.map(({ mapped }) => mapped)), signal)
    } catch (thrown) {
      signal.throwIfAborted()
      failures.push(ReplicatorError.from(thrown))
    }
    const positions = answered.flatMap(({ name, offsets }) => {
      const translated = offsets.flatMap(({ committed, mapped }) => {
        const remoteTopic = topics.policy.remoteTopic(committed.topic)
        return translatedBy(committed, remoteTopic, this.#refined.answerOf(mapped)) ?? []
      })
      return translated.length === 0 ? [] : [{ group: name, offsets: translated }]
    })
    return { positions, failures, groups, shareGroups }
  }

  /** If the cluster answers in part, the groups that are already known are kept. */
  async #lookForGroups (signal: AbortSignal): Promise<ReplicatorError | undefined> {
    const { clock, source } = this.#options
    const now = clock.monotonic()
    const filter = this.#options.filter()
    const refreshMs = this.#options.refreshMs()
    const isOther = filter !== this.#filter
    const isDue = this.#listedMs === undefined || isOther ||
      (refreshMs !== undefined && now - this.#listedMs >= refreshMs)
    if (!isDue) return undefined
    const { error, groups } = await unlessAborted(signal, source.listGroups())
    const matching = groups.filter(({ name }) => filter.matches(name))
    const names = matching.filter(hasOffsets).map(({ name }) => name)
    this.#shareGroups = matching.filter(({ protocolType }) => protocolType === 'share')
      .map(({ name }) => name).toSorted()
    const former = this.#groups.filter(name => filter.matches(name))
    const known = error === undefined ? names : [...new Set([...former, ...names])]
    this.#groups = known.toSorted()
    this.#filter = filter
    if (error === undefined) this.#listedMs = now
    return error
  }
}

interface MappedOffset {
  readonly committed: GroupOffset
  readonly mapped: MappedPosition
}

/** Undefined: no translation, or no position of the partition. */
function mappedOffset (
  committed: GroupOffset, positions: ReadonlyMap<string, Progress>
): MappedOffset | undefined {
  const { offset: position, partition, topic } = committed
  const progress = positions.get(partitionKey(committed))
  const answer = progress && answerFor(committed, progress)
  if (progress === undefined || answer === undefined) return undefined
  return { committed, mapped: { source: { topic, partition }, position, progress, answer } }
}

/**
 * Groups of consumers, of Kafka Streams, and of programs that commit without members; not those of
 * Connect. A streams group (KIP-1071) that begins on the target has the offsets of an empty group
 * with its name, on brokers of 4.4; those of 4.1 refuse its members.
 */
function hasOffsets ({ protocolType }: GroupListing): boolean {
  return ['consumer', 'streams', ''].includes(protocolType)
}

/** One error that names the first group and how many others there are. */
function refusalOf (errors: readonly ReplicatorError[]): readonly ReplicatorError[] {
  const [first] = errors
  if (first === undefined) return []
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} other groups)`
  return [new ReplicatorError('GROUP_OFFSETS_UNREADABLE', `${first.detail}${more}`,
    { cause: first, action: first.action })]
}
