// Rules over several settings. Each flow rule reads one flow, each config rule all flows.
import { judgeTopic } from '../policy/topic-filter.ts'
import type { FlowConfig } from './config.ts'
import { flowTable, type FlowSettings } from './config-table.ts'
import type { Findings } from './findings.ts'
import { flowsByTopic, shortestChain, witnesses } from './loop-search.ts'
import { refuseRings } from './ring-rule.ts'
import { describeEntry, type Entry } from './properties-text.ts'
import { showBytes, showDuration } from './setting-kinds.ts'

type NumberSetting = {
  [Name in keyof FlowSettings]: FlowSettings[Name] extends number ? Name : never
}[keyof FlowSettings]

const ofProcess = 'in.flight.bytes.max'

/** Settings for which a value above another setting has no use; the smaller value counts. */
const bounds: ReadonlyArray<
  readonly [inner: NumberSetting, outer: NumberSetting | typeof ofProcess]
> = [
  ['fetch.max.bytes', 'in.flight.bytes.max'],
  ['max.partition.fetch.bytes', 'fetch.max.bytes'],
  ['partition.in.flight.bytes.max', 'in.flight.bytes.max'],
  ['fetch.min.bytes', 'fetch.max.bytes'],
  ['batch.size', 'max.request.size'],
  ['retry.backoff.ms', 'retry.backoff.max.ms']
]

/**
 * Longhaul must accept every file that MirrorMaker 2 accepts. So a value above its bound is
 * lowered, with a warning if the user wrote it, and not refused.
 */
export function lowerToBounds (
  settings: FlowSettings, written: (setting: NumberSetting) => Entry | undefined,
  inFlightBytesMax: number, findings: Findings
): FlowSettings {
  const lowered = { ...settings }
  for (const [inner, outer] of bounds) {
    const limit = outer === ofProcess ? inFlightBytesMax : lowered[outer]
    if (lowered[inner] <= limit) continue
    lowered[inner] = limit
    const entry = written(inner)
    const show = inner.endsWith('.ms') ? showDuration : showBytes
    if (entry !== undefined) {
      findings.warn(entry.key, `${describeEntry(entry)} is more than ${outer}: ` +
        `${show(limit)} is used; raise ${outer} to change that`)
    }
  }
  return lowered
}

/**
 * If progress.topic.replication.factor is not set: the settings by which MirrorMaker 2 creates
 * topics on the target.
 */
const progressFactors = ['offset.storage.replication.factor', 'replication.factor'] as const

export function followFactors (
  settings: FlowSettings, written: (setting: NumberSetting) => Entry | undefined
): FlowSettings {
  if (written('progress.topic.replication.factor') !== undefined) return settings
  const found = progressFactors.find(setting => written(setting) !== undefined)
  return found === undefined
    ? settings
    : { ...settings, 'progress.topic.replication.factor': settings[found] }
}

/** Duties that a flow performs at an interval, unless they are switched off. */
const duties = [
  ['refresh.topics.enabled', 'refresh.topics.interval.seconds'],
  ['refresh.groups.enabled', 'refresh.groups.interval.seconds'],
  ['sync.topic.configs.enabled', 'sync.topic.configs.interval.seconds'],
  ['sync.topic.acls.enabled', 'sync.topic.acls.interval.seconds']
] as const satisfies ReadonlyArray<readonly [keyof FlowSettings, NumberSetting]>

/**
 * As MirrorMaker 2: a negative interval switches a duty off, and with an interval of 0 the
 * connector of the flow does not start. A duty that is off has the default interval.
 */
export function switchDutiesOff (
  settings: FlowSettings, written: (setting: NumberSetting) => Entry | undefined,
  findings: Findings
): FlowSettings {
  const switched: { -readonly [Name in keyof FlowSettings]: FlowSettings[Name] } = { ...settings }
  for (const [enabled, interval] of duties) {
    if (switched[interval] > 0) continue
    const entry = written(interval)
    if (switched[interval] === 0 && switched[enabled] && entry !== undefined) {
      findings.refuse('CONFIG_INVALID', `${describeEntry(entry)}: allowed is ` +
        `${flowTable[interval].range}; MirrorMaker 2 does not start with 0`, entry.key)
    }
    switched[enabled] = false
    switched[interval] = flowTable[interval].default
  }
  return switched
}

type ConfigRule = (flows: readonly FlowConfig[], findings: Findings) => void

const configRules: readonly ConfigRule[] = [
  noFlow, noSeparator, ambiguousAliases, sameServers, loops, refuseRings, renamingLoops,
  severalPrincipals
]

export function checkConfig (flows: readonly FlowConfig[], findings: Findings): void {
  for (const rule of configRules) rule(flows, findings)
}

function noFlow (flows: readonly FlowConfig[], findings: Findings): void {
  if (flows.length > 0 || findings.problems.length > 0) return
  findings.refuse('CONFIG_INVALID',
    'no replication flow is enabled; write A->B.enabled=true with the names of your clusters')
}

/**
 * Without a separator a remote topic cannot be distinguished from a topic that was created on its
 * cluster.
 */
function noSeparator (flows: readonly FlowConfig[], findings: Findings): void {
  const renaming = flows.filter(({ policy }) => !policy.keepsNames)
  for (const flow of renaming) {
    if (flow.settings['replication.policy.separator'] !== '') continue
    const loop = wayBack(flow, renaming)
    if (loop === undefined) continue
    findings.refuse('CONFIG_CONFLICT', `${loop.map(({ name }) => name).join(' and ')} lead back ` +
      `to ${flow.source.alias}, and replication.policy.separator is empty, so ` +
      'DefaultReplicationPolicy cannot find loops; write a separator, or use ' +
      'IdentityReplicationPolicy', 'replication.policy.separator')
  }
}

/**
 * With the aliases `eu` and `eu.west` a remote topic `eu.west.orders` may be `orders` of one or
 * `west.orders` of the other. It must not return to `eu`, and its name does not show whether it
 * would.
 */
function ambiguousAliases (flows: readonly FlowConfig[], findings: Findings): void {
  const renaming = flows.filter(({ policy }) => !policy.keepsNames)
  const aliases = new Set(flows.flatMap(({ source, target }) => [source.alias, target.alias]))
  for (const flow of renaming) {
    const { source: { alias }, settings: { 'replication.policy.separator': separator } } = flow
    const longer = [...aliases].find(each => each.startsWith(`${alias}${separator}`))
    const loop = longer === undefined ? undefined : wayBack(flow, renaming)
    if (longer === undefined || loop === undefined) continue
    findings.refuse('CONFIG_CONFLICT', `${loop.map(({ name }) => name).join(' and ')} lead back ` +
      `to ${alias}, and a remote topic ${longer}${separator}NAME may come from ${alias} or from ` +
      `${longer}; rename one of the two clusters, or choose another replication.policy.separator`,
    'clusters')
  }
}

/** Two aliases of one address: only another name prevents that a topic is copied onto itself. */
function sameServers (flows: readonly FlowConfig[], findings: Findings): void {
  for (const { name, source, target, policy } of flows) {
    if (!policy.keepsNames) continue
    const servers = [source, target].map(end => end.client['bootstrap.servers'] ?? '')
    if (servers[0] === '' || servers[0] !== servers[1]) continue
    findings.refuse('CONFIG_CONFLICT', `${name}: ${source.alias}.bootstrap.servers and ` +
      `${target.alias}.bootstrap.servers are both ${servers[0]}, and the flow keeps the names of ` +
      'the topics', `${target.alias}.bootstrap.servers`)
  }
}

/** kinit writes the tickets of each login to one cache, which all clients of a process read. */
function severalPrincipals (flows: readonly FlowConfig[], findings: Findings): void {
  const principals = new Map<string, string>()
  for (const { alias, client } of flows.flatMap(({ source, target }) => [source, target])) {
    const principal = client['sasl.kerberos.principal']
    const isGssapi = client['sasl.mechanism']?.toUpperCase() === 'GSSAPI'
    if (principal !== undefined && isGssapi && client['sasl.kerberos.kinit.cmd'] !== 'true') {
      principals.set(principal, alias)
    }
  }
  if (principals.size < 2) return
  const who = [...principals].map(([principal, alias]) => `${alias} as ${principal}`).join(', ')
  findings.warn('sasl.kerberos.principal', `Kerberos logs in at ${who}: a process has one cache ` +
    'of tickets, and the last login counts at each of these clusters; use one principal, or one ' +
    'process for each')
}

/**
 * Flows that keep names and lead back to their start would mirror their own records, unless each of
 * them leaves out the records of the others (ring-rule.ts).
 */
function loops (flows: readonly FlowConfig[], findings: Findings): void {
  const keeping = flows.filter(({ policy }) => policy.keepsNames)
  for (const { edges, once, topic } of flowsByTopic(keeping)) {
    for (const first of edges) {
      const loop = wayBack(first, edges)
      if (loop?.some(({ settings }) => !settings['same.names.both.ways']) !== true) continue
      if (!once(loop)) continue
      findings.refuse('CONFIG_CONFLICT', `${loop.map(flow => flow.name).join(' and ')} mirror in ` +
        `a loop: each keeps the names of topics and mirrors a topic such as ${topic}; write ` +
        'same.names.both.ways=true for all of them, give them topics that do not overlap, or use ' +
        'DefaultReplicationPolicy', `${first.name}.topics`)
    }
  }
}

/**
 * A name from topic.rename contains no alias, so the topic filter cannot recognize the loop: each
 * refresh would create one more topic.
 */
function renamingLoops (flows: readonly FlowConfig[], findings: Findings): void {
  const renaming = flows.filter(({ settings }) => settings['topic.rename'].length > 0)
  const names = renaming.length === 0 ? [] : [...witnesses(flows)]
  for (const flow of renaming) {
    const topic = names.find(name => comesBack(name, flow, flows))
    if (topic === undefined) continue
    findings.refuse('CONFIG_CONFLICT', `${flow.name}.topic.rename: ${flow.name} mirrors a topic ` +
      `such as ${topic} as ${flow.policy.remoteTopic(topic)}, which returns to ` +
      `${flow.source.alias} under a name that ${flow.name} mirrors again; add the new names to ` +
      'topics.exclude of the flows that lead back', `${flow.name}.topic.rename`)
  }
}

/** Whether the flow would mirror its own topic again, after other flows brought it back renamed. */
function comesBack (topic: string, first: FlowConfig, flows: readonly FlowConfig[]): boolean {
  const isMirrored = (flow: FlowConfig, name: string): boolean =>
    judgeTopic(flow.topics, name) === 'mirrored'
  if (!isMirrored(first, topic)) return false
  const remote = first.policy.remoteTopic(topic)
  if (remote === first.policy.remotePrefix(topic)) return false
  let places = [{ cluster: first.target.alias, name: remote }]
  for (let hop = 0; hop <= flows.length; hop++) {
    if (places.some(({ cluster, name }) =>
      cluster === first.source.alias && isMirrored(first, name))) return true
    places = places.flatMap(({ cluster, name }) => flows
      .filter(({ source }) => source.alias === cluster)
      .filter(flow => isMirrored(flow, name))
      .map(({ policy, target }) => ({ cluster: target.alias, name: policy.remoteTopic(name) })))
  }
  return false
}

/** The shortest chain of flows from the first one back to its source. */
function wayBack (
  first: FlowConfig, edges: readonly FlowConfig[]
): readonly FlowConfig[] | undefined {
  return shortestChain(first,
    ({ target }) => edges.filter(({ source }) => source.alias === target.alias),
    ({ target }) => target.alias === first.source.alias)
}
