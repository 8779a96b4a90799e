// All properties with their places, and which one wins for a flow: by precedence.ts, and the
// command line always wins over the file.
import { idleProperties, idleProperty } from './idle-properties.ts'
import { clientPropertyNames, isClientProperty } from './client-properties.ts'
import {
  configTable, isProcessSetting, rowOf, settingNamed, topicSettingNames, type Setting,
  type TopicSetting
} from './config-table.ts'
import { nearestName } from './nearest-name.ts'
import { dutyTable } from './duty-table.ts'
import { isTopicName, looksLikeTopicSetting, parseTopicSetting } from './topic-settings.ts'
import type { Findings } from './findings.ts'
import { describeEntry, type Entry } from './properties-text.ts'
import {
  clientPrecedence, isLower, isOfClusterWorker, settingPrecedence, type ClientEnd, type FlowName,
  type Precedence
} from './precedence.ts'
import { clientRoles, parsePath, type PropertyPath, type Side } from './property-path.ts'
import { isOfWorker, type SettingRole } from './setting-kinds.ts'

/** The properties for one topic of a flow. */
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

  /** Later entries win over earlier entries of the same place. */
  add (entries: readonly Entry[], fromCommandLine: boolean): void {
    for (const entry of entries) {
      const parsed = parsePath(entry.key, this.#aliases, isName)
      if (!parsed.ok) {
        this.#meetUnknown(entry, fromCommandLine, ofAlias(parsed.unknownAlias, this.#aliases))
      } else if (!fromCommandLine && isUnread(parsed.path)) {
        this.#ignore(entry, `write CLUSTER.${entry.key} with the name of the cluster`)
      } else if (this.#counts(entry, parsed.path, fromCommandLine)) {
        this.#placed.push({ entry, path: parsed.path, fromCommandLine })
      }
    }
  }

  /** The property that sets a setting of the whole process. */
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

  /** The client properties of one end of a flow, under Java's or librdkafka's names as written. */
  ofClient (end: ClientEnd, flow: FlowName): ReadonlyMap<string, Entry> {
    const names = new Set(this.#placed.map(({ path }) => path.name).filter(isClientProperty))
    const written = new Map<string, Entry>()
    for (const name of names) {
      // A setting of a flow is passed to librdkafka only if it means the same to both.
      const setting = settingNamed(name)
      const own = setting === undefined ? 'either' : rowOf(setting).role
      if (own !== 'either' && own !== 'cluster worker') continue
      const isRead = (path: PropertyPath): boolean =>
        path.name === name && (own === 'either' || !isOfClusterWorker(path))
      const entry = this.#best(({ path }) =>
        isRead(path) ? clientPrecedence(path, end, flow) : undefined)
      if (entry === undefined) continue
      const row = setting === undefined ? undefined : rowOf(setting)
      const largest = row?.largest(entry.value)
      written.set(name, row === undefined || largest === undefined
        ? entry
        : { ...entry, value: String(row.toNumber(largest)) })
    }
    return written
  }

  /** After all flows are known: properties of a cluster that no flow reads there. */
  ignoreUnread (flows: readonly FlowName[], pairs: readonly FlowName[]): void {
    for (const { entry, path } of this.#placed) {
      const { level, role } = path
      const setting = settingNamed(path.name)
      if (level.at !== 'cluster' || setting === undefined) continue
      // Heartbeats are also written for pairs that are not flows.
      const readers = setting in dutyTable ? pairs : flows
      const own = rowOf(setting).role
      if (readers.some(flow => settingPrecedence(path, flow, own) !== undefined)) continue
      // Files describe all clients of each cluster, also of a cluster that is only a source.
      if (role !== undefined) continue
      const { alias } = level
      this.#ignore(entry, own === 'consumer'
        ? `${setting} is read at the source of a flow, and no flow leads from ${alias}`
        : `${setting} is read at the target of a flow, and no flow leads to ${alias}` +
          (isOfWorker(own) ? '' : `; write ${alias}->TARGET.${setting} with the target's name`))
    }
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

  /** Whether the property has an effect; otherwise it is reported by a warning or refused. */
  #counts (entry: Entry, path: PropertyPath, fromCommandLine: boolean): boolean {
    const { name, level, role, side } = path
    const plain = role === undefined && side === undefined
    const setting = settingNamed(name)
    if (setting !== undefined && fits(setting, path)) {
      return this.#placeAllowed(setting, entry, path)
    }
    if (setting !== undefined && plain && rowOf(setting).role === 'cluster worker') {
      this.#ignore(entry, `write TARGET.${setting} with the target's name`)
      return false
    }
    const ofTopic = plain ? parseTopicSetting(name) : undefined
    if (ofTopic !== undefined) return this.#topicAllowed(ofTopic.topic, entry)
    // config-providers.ts has read them before the properties are put in their places.
    if (/^config\.providers\.[^.]+\.class$/.test(entry.key)) return false
    const accepted = plain ? idleProperty(name) : undefined
    if (accepted?.changesRecords !== undefined) {
      if (accepted.changesRecords(entry.value)) {
        this.#findings.refuse('CONFIG_CHANGES_RECORDS', describeEntry(entry), entry.key)
      }
      return false
    }
    if (accepted !== undefined && !(isClientProperty(name) && level.at !== 'flow')) {
      this.#ignore(entry, accepted.why, accepted.family)
      return false
    }
    if (setting !== undefined && !isClientProperty(name)) {
      this.#ignore(entry, `write ${setting}`)
      return false
    }
    if (isClientProperty(name)) {
      if (level.at !== 'flow' || !plain) return true
      this.#ignore(entry, `a client property needs a side, as in ${level.source}.${name} or ` +
        `${level.source}->${level.target}.source.consumer.${name}`)
      return false
    }
    if (looksLikeTopicSetting(name)) refuseTopicSetting(entry, this.#findings)
    else this.#meetUnknown(entry, fromCommandLine, ofName(entry, path, this.#aliases))
    return false
  }

  /**
   * MirrorMaker 2 ignores unknown names, so its files may contain some. The command line is written
   * for Longhaul, and a mistake in it is refused.
   */
  #meetUnknown (entry: Entry, fromCommandLine: boolean, why: string): void {
    if (!fromCommandLine) this.#ignore(entry, why)
    else {
      this.#findings.refuse('CONFIG_UNKNOWN_PROPERTY', `${entry.key} (${entry.where}): ${why}`,
        entry.key)
    }
  }

  #ignore (entry: Entry, why: string, once = entry.key): void {
    this.#findings.ignore(once, `${entry.key} (${entry.where}) has no effect: ${why}`, entry.key)
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

/** MirrorMaker 2 reads the properties of its consumers only behind the alias of a cluster. */
function isUnread ({ level, role, side, name }: PropertyPath): boolean {
  return level.at === 'top' && role === 'consumer' && side === undefined &&
    (isClientProperty(name) || settingNamed(name) !== undefined)
}

function isName (name: string): boolean {
  return settingNamed(name) !== undefined || Object.hasOwn(idleProperties, name) ||
    isClientProperty(name) || parseTopicSetting(name) !== undefined
}

/** Whether a setting can be written with this side and role. */
function fits (setting: Setting, { level, side, role }: PropertyPath): boolean {
  const own = rowOf(setting).role
  if (role === 'admin') return false
  if (own === 'cluster worker') return isOfClusterWorker({ level, role, side })
  if (own === 'worker') return role === undefined && side === undefined && level.at !== 'flow'
  if (own === 'group') return (role ?? 'consumer') === 'consumer' && side !== 'source'
  if (role !== undefined && own !== role && own !== 'either') return false
  return side === undefined || own === 'either' ||
    (own !== undefined && side === sideOf(own))
}

function sideOf (role: SettingRole): Side {
  return role === 'producer' ? 'target' : 'source'
}

function ofAlias (alias: string, aliases: readonly string[]): string {
  const nearest = nearestName(alias, aliases)
  return `the cluster ${JSON.stringify(alias)} is not in clusters=${aliases.join(', ')}` +
    (nearest === undefined ? '' : `; did you mean ${nearest}?`)
}

function refuseTopicSetting (entry: Entry, findings: Findings): void {
  findings.refuse('CONFIG_UNKNOWN_PROPERTY', `${entry.key} (${entry.where}): of a topic can be ` +
    `set ${topicSettingNames.join(', ')}, as in A->B.topic.orders.data.loss`, entry.key)
}

/** Why an unknown name has no effect. */
function ofName (
  entry: Entry, { name, level }: PropertyPath, aliases: readonly string[]
): string {
  if (entry.value.startsWith('->')) {
    return 'the name of a flow is written without white space, as in A->B.enabled'
  }
  const dot = entry.key.indexOf('.')
  if (level.at === 'top' && dot > 0 && isName(entry.key.slice(dot + 1))) {
    return ofAlias(entry.key.slice(0, dot), aliases)
  }
  const nearest = nearestName(name, allNames())
  const prefix = entry.key.slice(0, entry.key.length - name.length)
  return 'no property has this name' +
    (nearest === undefined ? '' : `; did you mean ${prefix}${nearest}?`)
}

function * allNames (): Generator<string> {
  yield * Object.keys(configTable)
  yield * Object.keys(idleProperties)
  yield * clientPropertyNames
  for (const role of clientRoles) {
    for (const name of clientPropertyNames) yield `${role}.${name}`
  }
}
