// Joins what several processes of a flow have answered to the same request. Pure. During the
// hand-over of a slot two processes may list a partition: the first answer counts.
import { comparePartitionNames, compareTexts, pageOf } from './paging.ts'

export interface FlowPart {
  readonly flow: string
  readonly process: string | null
  readonly isReady: boolean
  readonly notReady: ReadonlyArray<{ readonly reason: string, readonly text: string }>
  readonly topicProblems: ReadonlyArray<{ readonly topic: string, readonly reason: string }>
  readonly slots: { readonly owned: number, readonly [figure: string]: unknown } | null
  readonly throttle: { readonly bytesPerSecond: number, readonly isWaiting: boolean } | null
  readonly [figure: string]: unknown
}

export interface TopicPart {
  readonly topic: string
  readonly [figure: string]: unknown
}

export interface PartitionPart {
  readonly topic: string
  readonly partition: number
  readonly [figure: string]: unknown
}

interface StatesOfTopic {
  readonly topic: string
  readonly partitions: readonly number[]
  readonly states: readonly number[]
}

export interface StatesPart {
  readonly flow: string
  readonly silent: readonly object[]
  readonly process: string | null
  readonly names: readonly string[]
  readonly topics: readonly StatesOfTopic[]
}

interface Cut { readonly after?: string | undefined, readonly limit: number }

interface PartOfPage<Entry> {
  readonly entries: readonly Entry[]
  readonly next: string | null
}

export interface JoinedPage<Entry> extends PartOfPage<Entry> {
  /** How many entries another part had, too. */
  readonly repeated: number
}

const summed: ReadonlySet<string> = new Set([
  'records', 'batches', 'bytes', 'batchesPassedThrough', 'retries', 'recordsResumed',
  'recordsDoubled', 'recordsLooped', 'recordsPerSecond', 'bytesPerSecond', 'lagRecords',
  'lagOpenTransactionRecords', 'recordsSkipped', 'inFlightBytes', 'partitions'
])
const summedByName: ReadonlySet<string> = new Set([
  'reencodedByReason', 'droppedByReason', 'partitionsByState', 'lanesByState', 'errors',
  'retriedErrors'
])
/** Of percentiles, that of the slowest process; of topics, those of the process with the most. */
const largest: ReadonlySet<string> = new Set([
  'lagRecordsMax', 'lagSecondsMax', 'latencyP50Ms', 'latencyP99Ms', 'recentLatencyP50Ms',
  'recentLatencyP99Ms', 'progressAgeSeconds', 'differingMembers', 'newestRecordMs', 'topics'
])

export function joinFlows (own: FlowPart, others: readonly FlowPart[]): FlowPart {
  const all = [own, ...others]
  return {
    ...joinFigures(own, others),
    process: own.process,
    isReady: all.every(({ isReady }) => isReady),
    notReady: [...own.notReady, ...others.flatMap(({ notReady, process }) =>
      notReady.map(({ reason, text }) => ({ reason, text: `${process}: ${text}` })))],
    topicProblems: [...new Map(all.flatMap(({ topicProblems }) => topicProblems).map(each =>
      [JSON.stringify(each), each])).values()],
    slots: own.slots === null
      ? null
      : { ...own.slots, owned: sumOf(all.map(({ slots }) => slots?.owned ?? 0)) ?? 0 },
    throttle: own.throttle === null
      ? null
      : { ...own.throttle, isWaiting: all.some(({ throttle }) => throttle?.isWaiting === true) }
  }
}

export function joinTopics (
  parts: ReadonlyArray<PartOfPage<TopicPart>>, cut: Cut
): JoinedPage<TopicPart> {
  const page = joinPages(parts, ({ topic }) => topic, compareTexts, cut)
  const all = parts.flatMap(({ entries }) => entries)
  return {
    ...page,
    entries: page.entries.map(first =>
      joinFigures(first, all.filter(each => each.topic === first.topic && each !== first)))
  }
}

export function joinPartitions (
  parts: ReadonlyArray<PartOfPage<PartitionPart>>, cut: Cut
): JoinedPage<PartitionPart> {
  return joinPages(parts, partitionName, comparePartitionNames, cut)
}

export function partitionName (
  { partition, topic }: Pick<PartitionPart, 'topic' | 'partition'>
): string {
  return `${topic}-${partition}`
}

/** States that this version does not know are left out. */
export function joinStates (own: StatesPart, others: readonly StatesPart[]): StatesPart {
  const byTopic = new Map<string, Map<number, number>>()
  for (const { names, topics } of [own, ...others]) {
    for (const { partitions, states, topic } of topics) {
      const known = byTopic.get(topic) ?? new Map<number, number>()
      byTopic.set(topic, known)
      for (const [i, partition] of partitions.entries()) {
        const state = own.names.indexOf(names[states[i] ?? -1] ?? '')
        if (state >= 0 && !known.has(partition)) known.set(partition, state)
      }
    }
  }
  const topics = [...byTopic].map(([topic, known]) => {
    const sorted = [...known].sort(([one], [other]) => one - other)
    return {
      topic,
      partitions: sorted.map(([partition]) => partition),
      states: sorted.map(([, state]) => state)
    }
  })
  return {
    ...own, topics: topics.sort((one, other) => compareTexts(one.topic, other.topic))
  }
}

/**
 * Each part begins after the same entry and has up to the same number of entries, so the first
 * entries of all parts together lack none.
 */
function joinPages<Entry> (
  parts: ReadonlyArray<PartOfPage<Entry>>, nameOf: (entry: Entry) => string,
  compare: (one: string, other: string) => number, cut: Cut
): JoinedPage<Entry> {
  const byName = new Map<string, Entry>()
  let repeated = 0
  for (const entry of parts.flatMap(({ entries }) => entries)) {
    const name = nameOf(entry)
    if (byName.has(name)) repeated++
    else byName.set(name, entry)
  }
  const sorted = [...byName].sort(([one], [other]) => compare(one, other)).map(([, entry]) => entry)
  const { entries, next } = pageOf(sorted, nameOf, cut, compare)
  const last = entries.at(-1)
  const hasMore = parts.some(part => part.next !== null)
  return { entries, next: next ?? (hasMore && last !== undefined ? nameOf(last) : null), repeated }
}

function joinFigures<Part extends Readonly<Record<string, unknown>>> (
  own: Part, others: readonly Part[]
): Part {
  return Object.fromEntries(Object.entries(own).map(([name, value]) => {
    const values = [value, ...others.map(each => each[name])]
    if (summed.has(name)) return [name, sumOf(values)]
    if (summedByName.has(name)) return [name, sumByName(values)]
    if (largest.has(name)) return [name, largestOf(values)]
    return [name, value]
  })) as Part
}

/** Null: no process knows the figure. */
function sumOf (values: readonly unknown[]): number | null {
  const known = values.filter(each => typeof each === 'number')
  return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0)
}

function largestOf (values: readonly unknown[]): number | null {
  const known = values.filter(each => typeof each === 'number')
  return known.length === 0 ? null : Math.max(...known)
}

function sumByName (values: readonly unknown[]): Readonly<Record<string, number>> {
  const sums = new Map<string, number>()
  for (const counts of values) {
    for (const [name, count] of Object.entries(counts ?? {})) {
      sums.set(name, (sums.get(name) ?? 0) + Number(count))
    }
  }
  return Object.fromEntries(sums)
}
