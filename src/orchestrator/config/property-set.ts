// All properties that were written, each in its place, and which one wins for a flow. The more
// special place wins: flow over cluster over top level, a role or side over none; what the command
// line says wins over the file, wherever it says it.
import { idleProperties, idleProperty } from './idle-properties.ts'
import { clientPropertyNames, isClientProperty } from './client-properties.ts'
import {
  configTable, isProcessSetting, rowOf, settingNamed, topicSettingNames, type Setting,
  type TopicSetting
} from './config-table.ts'
import { nearestName } from './nearest-name.ts'
import { isTopicName, looksLikeTopicSetting, parseTopicSetting } from './topic-settings.ts'
import type { Findings } from './findings.ts'
import { describeEntry, type Entry } from './properties-text.ts'
import {
  clientRoles, parsePath, type ClientRole, type PropertyPath, type Side
} from './property-path.ts'
import type { SettingRole } from './setting-kinds.ts'

export interface FlowName { readonly source: string, readonly target: string }

/** One client of a flow: which cluster it speaks to, at which end, as what. */
export interface ClientEnd {
  readonly alias: string
  readonly side: Side
  readonly role: ClientRole
}

/** What was written for one topic of a flow. */
export interface TopicEntry {
  readonly topic: string
  readonly setting: TopicSetting
  readonly entry: Entry
}

interface Placed {
  readonly entry: Entry
  readonly path: PropertyPath
  readonly fromCommandLine: boolean
}

export class PropertySet {
  readonly #placed: Placed[] = []
  readonly #aliases: readonly string[]
  readonly #findings: Findings

  constructor (aliases: readonly string[], findings: Findings) {
    this.#aliases = aliases
    this.#findings = findings
  }

  /** Later entries win over earlier ones of the same place. */
  add (entries: readonly Entry[], fromCommandLine: boolean): void {
    for (const entry of entries) {
      const parsed = parsePath(entry.key, this.#aliases, isName)
      if (!parsed.ok) {
        refuseAlias(entry, parsed.unknownAlias, this.#aliases, this.#findings)
      } else if (this.#takes(entry, parsed.path)) {
        this.#placed.push({ entry, path: parsed.path, fromCommandLine })
      }
    }
  }

  /** What was written for a setting of the whole process. */
  ofProcess (setting: Setting): Entry | undefined {
    return this.#best(({ path }) =>
      settingNamed(path.name) === setting ? [0, 0, 0, 0] : undefined)
  }

  ofFlow (setting: Setting, flow: FlowName): Entry | undefined {
    const role = rowOf(setting).role
    return this.#best(({ path }) =>
      settingNamed(path.name) === setting ? settingPrecedence(path, flow, role) : undefined)
  }

  ofTopics (flow: FlowName): readonly TopicEntry[] {
    return [...new Set(this.#placed.map(({ path }) => path.name))].flatMap(name => {
      const parsed = parseTopicSetting(name)
      const entry = parsed === undefined ? undefined : this.#best(({ path }) =>
        path.name === name ? settingPrecedence(path, flow, undefined) : undefined)
      return parsed === undefined || entry === undefined ? [] : [{ ...parsed, entry }]
    })
  }

  /** The client properties of one end of a flow, Java's names and librdkafka's as written. */
  ofClient (end: ClientEnd, flow: FlowName): ReadonlyMap<string, Entry> {
    const names = new Set(this.#placed.map(({ path }) => path.name).filter(isClientProperty))
    const written = new Map<string, Entry>()
    for (const name of names) {
      // A setting of a flow is not handed to librdkafka, unless it means the same to both.
      const setting = settingNamed(name)
      if (setting !== undefined && rowOf(setting).role !== 'either') continue
      const entry = this.#best(({ path }) =>
        path.name === name ? clientPrecedence(path, end, flow) : undefined)
      if (entry !== undefined) written.set(name, entry)
    }
    return written
  }

  /** Ordered pairs that the file or the command line names, `A->B`. */
  namedFlows (): readonly FlowName[] {
    return this.#placed.flatMap(({ path: { level } }) => level.at === 'flow' ? [level] : [])
  }

  #best (precedenceOf: (placed: Placed) => Precedence | undefined): Entry | undefined {
    let best: Entry | undefined
    let highest: readonly number[] = []
    for (const placed of this.#placed) {
      const precedence = precedenceOf(placed)
      if (precedence === undefined) continue
      const whole = [placed.fromCommandLine ? 1 : 0, ...precedence]
      if (isLower(whole, highest)) continue
      best = placed.entry
      highest = whole
    }
    return best
  }

  /** Whether the property takes part. An unknown one is refused, an idle one warned of. */
  #takes (entry: Entry, path: PropertyPath): boolean {
    const { name, level, role, side } = path
    const plain = role === undefined && side === undefined
    const setting = settingNamed(name)
    if (setting !== undefined && fits(setting, path)) {
      return this.#placeAllowed(setting, entry, path)
    }
    const ofTopic = plain ? parseTopicSetting(name) : undefined
    if (ofTopic !== undefined) return this.#topicAllowed(ofTopic.topic, entry)
    // Read by config-providers.ts, before the properties are put in their places.
    if (/^config\.providers\.[^.]+\.class$/.test(entry.key)) return false
    const accepted = plain ? idleProperty(name) : undefined
    if (accepted !== undefined && !(isClientProperty(name) && level.at !== 'flow')) {
      this.#findings.warn(accepted.family,
        `${entry.key} (${entry.where}) has no effect: ${accepted.why}`)
      return false
    }
    if (setting !== undefined && !isClientProperty(name)) {
      this.#findings.warn(entry.key,
        `${entry.key} (${entry.where}) has no effect: write ${setting}`)
      return false
    }
    if (isClientProperty(name)) {
      if (level.at !== 'flow' || !plain) return true
      this.#findings.warn(entry.key, `${entry.key} (${entry.where}) has no effect: a client ` +
        `property needs a side, as in ${level.source}.${name} or ` +
        `${level.source}->${level.target}.source.consumer.${name}`)
      return false
    }
    refuseName(entry, path, this.#aliases, this.#findings)
    return false
  }

  #topicAllowed (topic: string, entry: Entry): boolean {
    if (isTopicName(topic)) return true
    this.#findings.refuse('CONFIG_INVALID', `${describeEntry(entry)}: ${JSON.stringify(topic)} ` +
      'is not the name of a topic; write one line for each topic', entry.key)
    return false
  }

  #placeAllowed (setting: Setting, entry: Entry, { level }: PropertyPath): boolean {
    if (isProcessSetting(setting) && level.at !== 'top') {
      this.#findings.refuse('CONFIG_INVALID', `${describeEntry(entry)}: ${setting} is of the ` +
        `whole process; write ${setting}=${entry.value}`, entry.key)
      return false
    }
    if (setting === 'enabled' && level.at !== 'flow') {
      this.#findings.refuse('CONFIG_INVALID', `${describeEntry(entry)}: only a flow can be ` +
        `enabled; write A->B.enabled=${entry.value} with your clusters' names`, entry.key)
      return false
    }
    const retired = setting !== entry.key && /\.blacklist$/.test(entry.key)
    if (retired) {
      this.#findings.warn(entry.key, `${entry.key} (${entry.where}) is now called ${setting}`)
    }
    return true
  }
}

function isName (name: string): boolean {
  return settingNamed(name) !== undefined || Object.hasOwn(idleProperties, name) ||
    isClientProperty(name) || parseTopicSetting(name) !== undefined
}

/** Whether a setting can be written with this side and role. */
function fits (setting: Setting, { side, role }: PropertyPath): boolean {
  const own = rowOf(setting).role
  if (role === 'admin') return false
  if (own === 'group') return (role ?? 'consumer') === 'consumer' && side !== 'source'
  if (role !== undefined && own !== role && own !== 'either') return false
  return side === undefined || own === 'either' ||
    (own !== undefined && side === sideOf(own))
}

function sideOf (role: SettingRole): Side {
  return role === 'producer' ? 'target' : 'source'
}

/**
 * How special the place of an entry is; the first number that differs decides, and of equals the
 * later entry. Level: top 0, cluster 1, flow 2. Side and role: 1 where written. End: of a setting
 * that both clusters of a flow may have, the source is 1.
 */
type Precedence = readonly [level: number, side: number, role: number, end: number]

function isLower (one: readonly number[], other: readonly number[]): boolean {
  const at = other.findIndex((number, place) => number !== one[place])
  return at !== -1 && (one[at] ?? 0) < (other[at] ?? 0)
}

/** Undefined where the place says nothing about the flow. */
function settingPrecedence (
  { level, role, side }: PropertyPath, flow: FlowName, own: SettingRole | undefined
): Precedence | undefined {
  const written = [side === undefined ? 0 : 1, role === undefined ? 0 : 1] as const
  const end = (side ?? (role === 'producer' ? 'target' : undefined)) === 'target' ? 0 : 1
  switch (level.at) {
    case 'top': return [0, ...written, end]
    case 'flow': return sameFlow(level, flow) ? [2, ...written, end] : undefined
    case 'cluster': {
      if (own === 'group') return level.alias === flow.target ? [1, ...written, end] : undefined
      const atSource = level.alias === flow.source && role !== 'producer'
      const atTarget = level.alias === flow.target && role !== 'consumer'
      // Without a role it is a setting of the worker, which MirrorMaker 2 has at the target.
      const counts = own === undefined || own === 'producer' ? atTarget
        : own === 'consumer' ? atSource : atSource || atTarget
      return counts ? [1, ...written, end + (atSource ? 1 : 0)] : undefined
    }
  }
}

function clientPrecedence (
  { level, role, side }: PropertyPath, end: ClientEnd, flow: FlowName
): Precedence | undefined {
  if (role !== undefined && role !== end.role) return undefined
  if (side !== undefined && side !== end.side) return undefined
  // `A->B.consumer.x` is the consumer of the source, `A->B.producer.x` the producer of the target.
  const written = [side === undefined ? 0 : 1, role === undefined ? 0 : 1] as const
  switch (level.at) {
    case 'top': return [0, ...written, 0]
    case 'cluster': return level.alias === end.alias ? [1, ...written, 0] : undefined
    case 'flow': return sameFlow(level, flow) ? [2, ...written, 0] : undefined
  }
}

function sameFlow (one: FlowName, other: FlowName): boolean {
  return one.source === other.source && one.target === other.target
}

function refuseAlias (
  entry: Entry, alias: string, aliases: readonly string[], findings: Findings
): void {
  const nearest = nearestName(alias, aliases)
  findings.refuse('CONFIG_INVALID', `${entry.key} (${entry.where}): the cluster ` +
    `${JSON.stringify(alias)} is not in clusters=${aliases.join(', ')}` +
    (nearest === undefined ? '' : `; did you mean ${nearest}?`), entry.key)
}

function refuseName (
  entry: Entry, { name, level }: PropertyPath, aliases: readonly string[], findings: Findings
): void {
  if (entry.value.startsWith('->')) {
    findings.refuse('CONFIG_UNKNOWN_PROPERTY', `${entry.key} (${entry.where}): the name of a ` +
      'flow is written without white space, as in A->B.enabled', entry.key)
    return
  }
  const dot = entry.key.indexOf('.')
  if (level.at === 'top' && dot > 0 && isName(entry.key.slice(dot + 1))) {
    refuseAlias(entry, entry.key.slice(0, dot), aliases, findings)
    return
  }
  if (looksLikeTopicSetting(name)) {
    findings.refuse('CONFIG_UNKNOWN_PROPERTY', `${entry.key} (${entry.where}): of a topic can be ` +
      `set ${topicSettingNames.join(', ')}, as in A->B.topic.orders.data.loss`, entry.key)
    return
  }
  const nearest = nearestName(name, allNames())
  const prefix = entry.key.slice(0, entry.key.length - name.length)
  findings.refuse('CONFIG_UNKNOWN_PROPERTY', `${entry.key} (${entry.where})` +
    (nearest === undefined ? '' : `; did you mean ${prefix}${nearest}?`), entry.key)
}

function * allNames (): Generator<string> {
  yield * Object.keys(configTable)
  yield * Object.keys(idleProperties)
  yield * clientPropertyNames
  for (const role of clientRoles) {
    for (const name of clientPropertyNames) yield `${role}.${name}`
  }
}
