// Pages of sorted lists. The next page begins after the last entry of this page, so entries that
// appear or disappear meanwhile neither repeat nor hide others. Pure.

export interface Page<Entry> {
  readonly entries: readonly Entry[]
  /** The `after` of the next page; null: this is the last page. */
  readonly next: string | null
}

/** `keyOf` names an entry; `sorted` is in the order of these names as `compare` has it. */
export function pageOf<Entry> (
  sorted: readonly Entry[], keyOf: (entry: Entry) => string,
  { after, limit }: { readonly after?: string | undefined, readonly limit: number },
  compare: (one: string, other: string) => number = compareTexts
): Page<Entry> {
  const rest = after === undefined
    ? sorted
    : sorted.filter(entry => compare(keyOf(entry), after) > 0)
  const entries = rest.slice(0, limit)
  const last = entries.at(-1)
  return { entries, next: last === undefined || rest.length <= limit ? null : keyOf(last) }
}

export function compareTexts (one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** Names of partitions, `orders-3`: by topic, then by number. */
export function comparePartitionNames (one: string, other: string): number {
  const [topic, partition] = splitName(one)
  const [otherTopic, otherPartition] = splitName(other)
  return compareTexts(topic, otherTopic) || partition - otherPartition
}

function splitName (name: string): readonly [topic: string, partition: number] {
  const at = name.lastIndexOf('-')
  return [name.slice(0, at), Number(name.slice(at + 1))]
}
