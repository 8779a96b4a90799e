// The changes of a file that is read again: which flows start, stop or adopt other settings, and
// which must restart. Values of client properties are never shown: some are passwords.
import { certificateFileProperties } from './certificates.ts'
import type { ClientProperties } from './client-properties.ts'
import type { Config, FlowConfig, FlowEnd, HeartbeatPair } from './config.ts'
import {
  processTable, rowOf, type FlowSetting, type ProcessSetting, type Setting
} from './config-table.ts'

export interface FlowChange {
  readonly config: FlowConfig
  /**
   * `topics: a,b -> a,c`, one line each; empty: only the change that other flows of the file imply.
   */
  readonly lines: readonly string[]
  /** Whether the running flow can adopt the change; otherwise it is drained and restarted. */
  readonly isLive: boolean
}

export interface ConfigChanges {
  readonly added: readonly FlowConfig[]
  readonly removed: readonly string[]
  readonly changed: readonly FlowChange[]
  /** Changes of the process, one line each. */
  readonly process: readonly string[]
  /** Settings of the process that are read only at its start. */
  readonly needRestart: readonly ProcessSetting[]
}

/** What a running flow adopts. Each is read at every use, never kept. */
const liveSettings: ReadonlySet<FlowSetting> = new Set<FlowSetting>([
  'topics', 'topics.exclude', 'heartbeats.replication.enabled', 'replication.factor', 'groups',
  'groups.exclude', 'refresh.topics.enabled', 'refresh.topics.interval.seconds',
  'refresh.groups.enabled', 'refresh.groups.interval.seconds',
  'sync.topic.configs.interval.seconds', 'sync.topic.acls.interval.seconds',
  'progress.interval.ms', 'lane.rebalance.interval.ms', 'fault.retry.interval.ms', 'bandwidth.max',
  'bandwidth.share'
])

/** A running flow adopts another interval, but not one that switches the work on or off. */
const liveIntervals: readonly FlowSetting[] = [
  'emit.checkpoints.interval.seconds', 'sync.group.offsets.interval.seconds'
]

const liveOfProcess: ReadonlySet<ProcessSetting> = new Set<ProcessSetting>([
  'clusters', 'config.providers', 'drain.timeout.ms', 'log.level', 'api.token'
])

export function compareConfigs (before: Config, after: Config): ConfigChanges {
  const former = new Map(before.flows.map(flow => [flow.name, flow]))
  const replaced = new Set([...after.files].flatMap(([path, digest]) =>
    before.files.get(path) === digest ? [] : [path]))
  const names = new Set(after.flows.map(({ name }) => name))
  const changedProcess = (Object.keys(processTable) as ProcessSetting[]).filter(name =>
    isOther(name, before.process[name], after.process[name]))
  // Which prefixes mean a cycle depends on all flows of the file.
  const isSameSet = before.flows.length === after.flows.length &&
    after.flows.every(flow => former.get(flow.name)?.settings['replication.policy.separator'] ===
      flow.settings['replication.policy.separator']) && !changedProcess.includes('clusters')
  return {
    added: after.flows.filter(({ name }) => !former.has(name)),
    removed: [...former.keys()].filter(name => !names.has(name)),
    changed: after.flows.flatMap(config => {
      const old = former.get(config.name)
      if (old === undefined) return []
      const change = compareFlows(old, config, replaced)
      return change.lines.length === 0 && isSameSet ? [] : [change]
    }),
    process: changedProcess.map(name => line(name, before.process[name], after.process[name])),
    needRestart: changedProcess.filter(name => !liveOfProcess.has(name))
  }
}

function compareFlows (
  before: FlowConfig, after: FlowConfig, replaced: ReadonlySet<string>
): FlowChange {
  const settings = (Object.keys(after.settings) as FlowSetting[]).filter(name =>
    shown(name, before.settings[name]) !== shown(name, after.settings[name]))
  const others = [
    ...topicLines(before, after),
    ...heartbeatLines(before, after),
    ...endLines(before.source, after.source, replaced),
    ...endLines(before.target, after.target, replaced)
  ]
  return {
    config: after,
    lines: [
      ...settings.map(name => line(name, before.settings[name], after.settings[name])), ...others
    ],
    isLive: others.length === 0 &&
      settings.every(name => liveSettings.has(name) || isOtherInterval(name, before, after))
  }
}

function isOtherInterval (name: FlowSetting, before: FlowConfig, after: FlowConfig): boolean {
  const isOff = ({ settings }: FlowConfig): boolean => Number(settings[name]) < 0
  return liveIntervals.includes(name) && isOff(before) === isOff(after)
}

function topicLines (before: FlowConfig, after: FlowConfig): readonly string[] {
  const topics = [...new Set([...before.topicSettings.keys(), ...after.topicSettings.keys()])]
  const text = (flow: FlowConfig, topic: string): string =>
    Object.entries(flow.topicSettings.get(topic) ?? {})
      .map(([name, value]) => `${name}=${value}`).sort().join(' ') || '(not set)'
  return topics.filter(topic => text(before, topic) !== text(after, topic))
    .map(topic => `topic.${topic}: ${text(before, topic)} -> ${text(after, topic)}`)
}

/** Heartbeats of pairs other than the flow's own clusters, which have their own settings. */
function heartbeatLines (before: FlowConfig, after: FlowConfig): readonly string[] {
  const text = ({ heartbeats, source, target }: FlowConfig): string => heartbeats
    .filter(pair => pair.source !== source.alias || pair.target !== target.alias)
    .map(describePair).join(', ') || 'none'
  const [old, now] = [text(before), text(after)]
  return old === now ? [] : [`heartbeats of other pairs: ${old} -> ${now}`]
}

function describePair (pair: HeartbeatPair): string {
  const { aliases, intervalMs, replicationFactor, source, target } = pair
  const named = aliases.source === source && aliases.target === target
    ? ''
    : `, as ${aliases.source}->${aliases.target}`
  return `${source}->${target} (each ${intervalMs / 1000} s, factor ${replicationFactor}${named})`
}

/** A file that librdkafka reads keeps its name when it is replaced. */
function endLines (
  before: FlowEnd, after: FlowEnd, replaced: ReadonlySet<string>
): readonly string[] {
  const names = new Set([
    ...differing(before.client, after.client),
    ...differing(before.admin.properties, after.admin.properties),
    ...certificateFileProperties.filter(name => [after.client, after.admin.properties].some(
      client => replaced.has(client[name] ?? '')))
  ])
  return [...names].sort().map(name => `${after.alias}.${name}`)
}

function differing (before: ClientProperties, after: ClientProperties): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter(name => before[name] !== after[name])
}

/** All values of a secret are shown alike. */
function isOther (name: Setting, before: unknown, after: unknown): boolean {
  return rowOf(name).secret === true
    ? before !== after
    : shown(name, before) !== shown(name, after)
}

function shown (name: Setting, value: unknown): string { return rowOf(name).show(value) }

function line (name: Setting, before: unknown, after: unknown): string {
  return `${name}: ${shown(name, before)} -> ${shown(name, after)}`
}
