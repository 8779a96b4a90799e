// Whether a topic of the source came from one of the flow's own clusters, over any number of hops:
// to mirror it would bring it back, with a longer name at each refresh. Only names can show this,
// because other sites use other aliases and separators.

export interface TopicCycleOptions {
  readonly sourceAlias: string
  readonly targetAlias: string
  /** The separator that the flow puts between alias and topic. */
  readonly separator: string
  /** Every alias of the file, with each separator that a flow of the file puts behind it. */
  readonly prefixes: readonly RemotePrefix[]
}

/** The prefix that a flow of this file puts before a name: `us-east.` */
export interface RemotePrefix {
  readonly alias: string
  readonly prefix: string
}

export function createCycleCheck (options: TopicCycleOptions): (topic: string) => boolean {
  const { sourceAlias, targetAlias, separator } = options
  // The longest alias first: with the aliases `eu` and `eu.west`, `eu.west.orders` came from
  // `eu.west`.
  const prefixes = [...options.prefixes].sort((one, other) =>
    other.prefix.length - one.prefix.length)

  const firstHop = (name: string): RemotePrefix | undefined =>
    prefixes.find(({ prefix }) => name.length > prefix.length && name.startsWith(prefix)) ??
    unknownHop(name, separator)

  // Another separator at another site hides this flow's prefix from the search over the hops. A
  // topic that came back has the prefix twice, by which the flow recognizes the topic.
  const hasPrefixTwice = (topic: string): boolean =>
    countWhole(topic, `${sourceAlias}${separator}`) >= 2

  return topic => {
    let name = topic
    for (let hop = firstHop(name); hop !== undefined; hop = firstHop(name)) {
      if (hop.alias === sourceAlias || hop.alias === targetAlias) return true
      name = name.slice(hop.prefix.length)
    }
    return hasPrefixTwice(topic)
  }
}

/** The text before the first separator, as MirrorMaker 2 reads an alias that it does not know. */
function unknownHop (name: string, separator: string): RemotePrefix | undefined {
  const alias = prefixOf(name, separator)
  return alias === undefined ? undefined : { alias, prefix: `${alias}${separator}` }
}

/** Like Java's split: ignores trailing empty parts. */
export function prefixOf (topic: string, separator: string): string | undefined {
  // An empty separator was customary beside policies that keep names: it separates nothing.
  if (separator === '') return undefined
  const parts = topic.split(separator)
  while (parts.length > 0 && parts[parts.length - 1] === '') parts.pop()
  return parts.length < 2 ? undefined : parts[0]
}

/** How often the name contains the prefix at the beginning of a part. */
function countWhole (name: string, prefix: string): number {
  if (prefix === '') return 0
  let count = 0
  for (let at = name.indexOf(prefix); at !== -1; at = name.indexOf(prefix, at + prefix.length)) {
    if (at === 0 || /[._-]/.test(name.charAt(at - 1))) count++
  }
  return count
}
