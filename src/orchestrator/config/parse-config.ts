// Parses a MirrorMaker 2 properties file to a Config. One parse finds all problems of a file.
import { readFileSync } from 'node:fs'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { createConfigPropertyFilter } from '../policy/config-property-filter.ts'
import { createGroupFilter } from '../policy/group-filter.ts'
import { strayCharacter, type RegexProblem } from '../policy/regex-list.ts'
import { createReplicationPolicy, type ReplicationPolicy } from '../policy/replication-policy.ts'
import { createCycleCheck, type RemotePrefix } from '../policy/topic-cycle.ts'
import { compileRenames } from '../policy/topic-rename.ts'
import { createTopicFilter, judgeTopic, type TopicSelection } from '../policy/topic-filter.ts'
import { readServerTls } from './api-settings.ts'
import { certificateEnds, certificateFileProperties, keyProblem } from './certificates.ts'
import {
  translateClient, type ClientContext, type ClientProperties
} from './client-properties.ts'
import { fitLanes, noLimits, type ContainerLimits } from './container-limits.ts'
import { resolveReferences } from './config-providers.ts'
import type { Config, FlowConfig, FlowEnd } from './config.ts'
import { checkConfig, followFactors, lowerToBounds, switchDutiesOff } from './config-rules.ts'
import {
  flowTable, processTable, rowOf, type FlowSetting, type FlowSettings, type ProcessSetting,
  type ProcessSettings, type Setting, type TopicSettings
} from './config-table.ts'
import {
  aliasesOf, clusterAliases, enabledFlows, orderedPairs, parseValue, remotePrefixes, wantedTargets
} from './flow-pairs.ts'
import { canaryTopics, offsetSyncPlace } from './duty-topics.ts'
import { assignHeartbeats, type HeartbeatSettings } from './heartbeat-pairs.ts'
import { Findings } from './findings.ts'
import {
  fitToLanes, forwarderOf, inFlightBytes, lanesOf, sharedMemory
} from './forwarder-settings.ts'
import { withoutIgnored } from './ignored-properties.ts'
import { compileTopicStarts } from './offset-reset.ts'
import {
  decodeFile, describeEntry, readEntries, readOverride, type Entry
} from './properties-text.ts'
import { settingsByTopic } from './topic-settings.ts'
import { trustsPublicAuthorities } from './public-authorities.ts'
import type { Side } from './property-path.ts'
import type { ClientEnd, FlowName } from './precedence.ts'
import { PropertySet, type TopicEntry } from './property-set.ts'
import { ReadFiles, type FileDigests } from './read-files.ts'

export interface ParseOptions {
  /** `property=value`, from -X: the syntax of the file, and `source.PROP`, `target.PROP`. */
  readonly overrides?: readonly string[]
  /** Settings from flags of the command line, as written. */
  readonly flags?: Readonly<Partial<Record<Setting, string>>>
  /** Properties from --ignore: the file is read as if it did not have them. */
  readonly ignored?: readonly string[]
  /** From --strict: whether a property without effect is refused. */
  readonly isStrict?: boolean
  /** Only flows into these clusters, from --clusters. */
  readonly clusters?: readonly string[]
  /** librdkafka's builtin.features, to refuse early a feature that this build lacks. */
  readonly features?: readonly string[]
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Of the container in which the process runs. */
  readonly limits?: ContainerLimits
  readFile? (path: string): Buffer
}

export type ParsedConfig =
  | { readonly ok: true, readonly config: Config }
  | {
    readonly ok: false
    readonly problems: readonly ReplicatorError[]
    readonly warnings: readonly string[]
  }

const processSettings = Object.keys(processTable) as readonly ProcessSetting[]

/** Reads and parses a file. */
export function readConfig (path: string, options: ParseOptions = {}): ParsedConfig {
  const readFile = options.readFile ?? (at => readFileSync(at))
  let text: string
  try {
    text = decodeFile(readFile(path))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const problem = new ReplicatorError('CONFIG_UNREADABLE', `${path}: ${reason}`, { cause })
    return { ok: false, problems: [problem], warnings: [] }
  }
  return parseConfig(text, options)
}

export function parseConfig (text: string, options: ParseOptions = {}): ParsedConfig {
  const findings = new Findings(options.isStrict)
  const files = new ReadFiles(options.readFile ?? (path => readFileSync(path)))
  const { environment = process.env } = options
  const context = { findings, readFile: files.read, environment }
  const inFile = resolveReferences(readEntries(text, findings), context)
  const onCommandLine = resolveReferences(commandLineEntries(options, findings), context)
  const aliases = clusterAliases([...inFile, ...onCommandLine], findings)
  const properties = new PropertySet(aliases, findings)
  properties.add(withoutIgnored(inFile, options.ignored ?? [], aliases, findings), false)
  properties.add(onCommandLine, true)

  const targets = wantedTargets(options.clusters, aliases, findings)
  const enabled = enabledFlows(properties, aliases, findings)
  properties.ignoreUnread(enabled, orderedPairs(aliases))
  const prefixes = remotePrefixes(enabled, aliases, properties)
  const client = { ...context, features: options.features }
  const wanted = enabled.filter(({ target }) => targets.includes(target))
  const limits = options.limits ?? noLimits
  const parser = new Parser(properties, findings, prefixes, client, limits)
  const ofProcess = parser.process()
  const inFlight = inFlightBytes(ofProcess['in.flight.bytes.max'],
    properties.ofProcess('in.flight.bytes.max'), limits)
  const parsed = wanted.flatMap(flow => parser.flow(flow, inFlight.max) ?? [])
  const pairs = orderedPairs(aliases).filter(({ target }) => targets.includes(target))
  const heartbeats = assignHeartbeats(pairs, parsed, pair => parser.heartbeats(pair))
  const memory = fitToLanes(inFlight, lanesOf(parsed), findings)
  const shared = sharedMemory(memory, lanesOf(parsed))
  const flows = parsed.map(flow => ({
    ...flow,
    heartbeats: heartbeats.get(flow.name) ?? [],
    forwarder: { ...flow.forwarder, ...shared }
  }))
  parser.warnOfIdleTopics()
  checkConfig(flows, findings)
  const chosen = processSettings.filter(name => properties.ofProcess(name) !== undefined)
  const config = {
    process: { ...ofProcess, 'in.flight.bytes.max': memory.max },
    chosen: new Set(chosen),
    flows,
    serverTls: readServerTls(ofProcess, files.read, findings),
    warnings: findings.warnings,
    files: filesOf(flows, files)
  }
  const { problems, warnings } = findings
  return problems.length > 0 ? { ok: false, problems, warnings } : { ok: true, config }
}

/** Including the files that only librdkafka reads. */
function filesOf (flows: readonly FlowConfig[], files: ReadFiles): FileDigests {
  const clients = flows.flatMap(({ source, target }) =>
    [source, target].flatMap(({ admin, client }) => [admin.properties, client]))
  for (const name of certificateFileProperties) {
    for (const path of new Set(clients.flatMap(client => client[name] ?? []))) files.note(path)
  }
  return files.digests
}

function commandLineEntries (options: ParseOptions, findings: Findings): readonly Entry[] {
  const overrides = (options.overrides ?? []).flatMap(
    written => readOverride(written, findings) ?? [])
  const flags = Object.entries(options.flags ?? {}).map(([key, value]) => ({
    key, value, where: rowOf(key as Setting).flag?.split(' ')[0] ?? 'command line'
  }))
  return [...overrides, ...flags]
}

type HeartbeatValues = Pick<FlowSettings, 'emit.heartbeats.enabled' |
  'emit.heartbeats.interval.seconds' | 'heartbeats.topic.replication.factor'>

class Parser {
  readonly #properties: PropertySet
  readonly #findings: Findings
  /** The settings of single topics, until a flow mirrors the topic. */
  readonly #topicEntries = new Map<Entry, string | undefined>()
  readonly #prefixes: readonly RemotePrefix[]
  readonly #client: Omit<ClientContext, 'of' | 'findings'>
  readonly #limits: ContainerLimits

  constructor (
    properties: PropertySet, findings: Findings, prefixes: readonly RemotePrefix[],
    client: Omit<ClientContext, 'of' | 'findings'>, limits: ContainerLimits
  ) {
    this.#limits = limits
    this.#properties = properties
    this.#findings = findings
    this.#prefixes = prefixes
    this.#client = client
  }

  process (): ProcessSettings {
    return this.#values(processSettings, name =>
      this.#properties.ofProcess(name)) as ProcessSettings
  }

  /** The settings of a pair that may not be enabled. */
  heartbeats (pair: FlowName): HeartbeatSettings {
    const settings = this.#values(
      ['emit.heartbeats.enabled', 'emit.heartbeats.interval.seconds',
        'heartbeats.topic.replication.factor'],
      name => this.#properties.ofFlow(name, pair)) as HeartbeatValues
    const intervalSeconds = settings['emit.heartbeats.interval.seconds']
    return {
      aliases: aliasesOf(pair, this.#properties),
      isEnabled: settings['emit.heartbeats.enabled'] && intervalSeconds >= 0,
      intervalMs: Math.max(intervalSeconds, 1) * 1000,
      replicationFactor: settings['heartbeats.topic.replication.factor']
    }
  }

  flow (
    flow: FlowName, inFlightBytesMax: number
  ): Omit<FlowConfig, 'heartbeats'> | undefined {
    const written = (name: FlowSetting) => this.#properties.ofFlow(name, flow)
    const names = Object.keys(flowTable) as FlowSetting[]
    const parsed = this.#values(names, written) as FlowSettings
    const fitting = fitLanes(parsed, written, this.#limits)
    const lowered = lowerToBounds(fitting, written, inFlightBytesMax, this.#findings)
    const settings = followFactors(
      switchDutiesOff(lowered, written, this.#findings), written)
    const filter = createTopicFilter(settings.topics, settings['topics.exclude'])
    const configProperties = createConfigPropertyFilter(
      settings['config.properties.exclude'], settings['use.defaults.from'] === 'source')
    for (const { list, ...problem } of filter.ok ? [] : filter.problems) {
      this.#refuseRegex(list === 'topics' ? 'topics' : 'topics.exclude', flow, problem)
    }
    for (const problem of configProperties.ok ? [] : configProperties.problems) {
      this.#refuseRegex('config.properties.exclude', flow, problem)
    }
    this.#noteStrays(flow, settings)
    const groups = createGroupFilter(settings.groups, settings['groups.exclude'])
    for (const { list, ...problem } of groups.ok ? [] : groups.problems) {
      this.#refuseRegex(list, flow, problem)
    }
    const starts = compileTopicStarts(settings['start.positions'], settings['auto.offset.reset'])
    for (const problem of starts.ok ? [] : starts.problems) {
      this.#refuseRegex('start.positions', flow, problem)
    }
    const named = aliasesOf(flow, this.#properties)
    const policy = this.#policy(flow, settings, named.source)
    const source = this.#end(flow, 'source')
    const target = this.#end(flow, 'target')
    const topicEntries = this.#properties.ofTopics(flow)
    const topicSettings = this.#topicSettings(topicEntries)
    const ofTopic = settingsByTopic(settings, topicSettings)
    if (!filter.ok || !configProperties.ok || !groups.ok || !starts.ok) return undefined
    if (policy === undefined) return undefined
    const canary = canaryTopics(settings, named, policy)
    const topics = {
      filter: filter.filter,
      policy,
      isCycle: createCycleCheck({
        sourceAlias: named.source,
        targetAlias: named.target,
        separator: settings['replication.policy.separator'],
        prefixes: this.#prefixes
      }),
      heartbeats: settings['heartbeats.replication.enabled'],
      canary: canary?.topic
    }
    this.#noteMirrored(topicEntries, topics)
    return {
      name: `${flow.source}->${flow.target}`,
      source,
      target,
      settings,
      chosen: new Set(names.filter(name => written(name) !== undefined)),
      ofTopic,
      topicSettings,
      forwarder: forwarderOf(settings),
      policy,
      topics,
      configProperties: configProperties.filter,
      groups: groups.filter,
      starts: starts.starts,
      offsetSyncs: offsetSyncPlace(settings, named, policy),
      canary
    }
  }

  /** Undefined: topic.rename contains an invalid rule. */
  #policy (
    flow: FlowName, settings: FlowSettings, sourceAlias: string
  ): ReplicationPolicy | undefined {
    const renames = compileRenames(settings['topic.rename'])
    for (const problem of renames.ok ? [] : renames.problems) {
      this.#refuseRegex('topic.rename', flow, problem)
    }
    if (!renames.ok) return undefined
    return createReplicationPolicy({
      policy: settings['replication.policy.class'],
      sourceAlias,
      separator: settings['replication.policy.separator'],
      internalTopicSeparator: settings['replication.policy.internal.topic.separator.enabled'],
      renamed: renames.renamed
    })
  }

  /** `topics = orders # mine` is one expression, which matches no topic. */
  #noteStrays (flow: FlowName, settings: FlowSettings): void {
    const expressions = {
      'topics': settings.topics,
      'topics.exclude': settings['topics.exclude'],
      'start.positions': settings['start.positions'].map(({ expression }) => expression),
      'topic.rename': settings['topic.rename'].map(({ expression }) => expression)
    }
    for (const [setting, list] of Object.entries(expressions)) {
      const stray = list.find(expression => strayCharacter(expression) !== undefined)
      const entry = this.#properties.ofFlow(setting as FlowSetting, flow)
      if (stray === undefined || entry === undefined) continue
      this.#findings.ignore(`${entry.key} ${stray}`, `${entry.key} (${entry.where}): ${stray} ` +
        `matches no topic, as no name has \`${strayCharacter(stray)}\`: names and regular ` +
        'expressions stand between commas, without comments and quotation marks', entry.key)
    }
  }

  #refuseRegex (setting: FlowSetting, flow: FlowName, problem: RegexProblem): void {
    const { key = setting, where = 'by default' } = this.#properties.ofFlow(setting, flow) ?? {}
    const { expression, reason } = problem
    this.#findings.refuse('CONFIG_INVALID', `${key} (${where}): ${expression}: ${reason}`, key)
  }

  /** After all flows: settings of topics that no flow mirrors. */
  warnOfIdleTopics (): void {
    for (const [entry, topic] of this.#topicEntries) {
      if (topic === undefined) continue
      this.#findings.ignore(entry.key, `${entry.key} (${entry.where}) has no effect: no flow ` +
        `mirrors the topic ${topic}`, entry.key)
    }
  }

  #noteMirrored (entries: readonly TopicEntry[], topics: TopicSelection): void {
    for (const { topic, entry } of entries) {
      const isMirrored = judgeTopic(topics, topic) === 'mirrored'
      if (isMirrored) this.#topicEntries.set(entry, undefined)
      else if (!this.#topicEntries.has(entry)) this.#topicEntries.set(entry, topic)
    }
  }

  #topicSettings (
    entries: readonly TopicEntry[]
  ): ReadonlyMap<string, Partial<TopicSettings>> {
    const ofTopics = new Map<string, Partial<TopicSettings>>()
    for (const { topic, setting, entry } of entries) {
      const value = parseValue(setting, entry, this.#findings)
      if (value !== undefined) ofTopics.set(topic, { ...ofTopics.get(topic), [setting]: value })
    }
    return ofTopics
  }

  #end (flow: FlowName, side: Side): FlowEnd {
    const alias = flow[side]
    const role = side === 'source' ? 'consumer' : 'producer'
    const client = this.#translate({ alias, side, role }, flow)
    const admin = {
      cluster: alias, properties: this.#translate({ alias, side, role: 'admin' }, flow)
    }
    checkServers(alias, client['bootstrap.servers'], this.#findings)
    const { environment, readFile } = this.#client
    const written = this.#properties.ofClient({ alias, side, role }, flow)
    this.#checkKey(client, [...written].find(([name]) => keyProperty.test(name))?.[1])
    const isPublic = trustsPublicAuthorities(client, environment, readFile)
    const certificates = certificateEnds(client, readFile)
      .filter(({ of }) => of === 'client' || !isPublic)
    return { alias, client, admin, certificates }
  }

  #checkKey (client: ClientProperties, setting: Entry | undefined): void {
    const problem = keyProblem(client, this.#client.readFile)
    if (problem === undefined || setting === undefined) return
    this.#findings.refuse('CONFIG_INVALID', `${describeEntry(setting)}: ${problem}`, setting.key)
  }

  #translate (end: ClientEnd, flow: FlowName): ClientProperties {
    const written = this.#properties.ofClient(end, flow)
    return translateClient(written, {
      of: `cluster ${end.alias}`, findings: this.#findings, ...this.#client
    })
  }

  /**
   * A missing or refused value becomes the default: reading continues, to find further problems.
   */
  #values<Name extends Setting> (
    names: readonly Name[], written: (name: Name) => Entry | undefined
  ): Record<Name, unknown> {
    return Object.fromEntries(names.map(name => {
      const entry = written(name)
      const value = entry === undefined ? undefined : parseValue(name, entry, this.#findings)
      return [name, value ?? rowOf(name).default]
    })) as Record<Name, unknown>
  }
}

/** An IPv6 address may name a zone, which is an interface: [fe80::1%eth0]:9092. */
const serverPattern =
  /^(?:\w+:\/\/)?(?:\[[\da-fA-F:.]+(?:%[\w.-]+)?\]|[^\s:[\]]+):(\d{1,5})$/

function checkServers (alias: string, servers: string | undefined, findings: Findings): void {
  const setting = `${alias}.bootstrap.servers`
  if (servers === undefined || servers === '') {
    findings.refuse('CONFIG_INVALID', `${setting} is not set; write ${setting}=host:port`, setting)
    return
  }
  for (const server of servers.split(',')) {
    const [, port] = serverPattern.exec(server) ?? []
    if (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535) continue
    findings.refuse('CONFIG_INVALID', `${setting}: ${server} is not host:port`, setting)
  }
}

/** Java's and librdkafka's properties for the key of a client. */
const keyProperty = /^ssl\.key(store)?\.(location|key|pem)$/
