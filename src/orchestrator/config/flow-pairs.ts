// Which clusters a file names, and which pairs of them are flows.
import type { RemotePrefix } from '../policy/topic-cycle.ts'
import { flowTable, rowOf, type Setting } from './config-table.ts'
import type { Findings } from './findings.ts'
import { nearestName } from './nearest-name.ts'
import type { FlowName } from './precedence.ts'
import { describeEntry, type Entry } from './properties-text.ts'
import type { PropertySet } from './property-set.ts'
import { splitList } from './setting-kinds.ts'

export function clusterAliases (entries: readonly Entry[], findings: Findings): readonly string[] {
  const entry = entries.findLast(({ key }) => key === 'clusters')
  const aliases = [...new Set(splitList(entry?.value ?? ''))]
  if (aliases.length === 0) {
    findings.refuse('CONFIG_INVALID', 'clusters is not set; write clusters=A, B', 'clusters')
  }
  for (const alias of aliases) {
    if (/^[\w.-]+$/.test(alias)) continue
    findings.refuse('CONFIG_INVALID', `clusters: ${JSON.stringify(alias)} would not do in the ` +
      'name of a topic; use letters, digits, ., _ and -', 'clusters')
  }
  return aliases
}

export function enabledFlows (
  properties: PropertySet, aliases: readonly string[], findings: Findings
): readonly FlowName[] {
  const isEnabled = (flow: FlowName) => {
    const entry = properties.ofFlow('enabled', flow)
    return entry !== undefined && parseValue('enabled', entry, findings) === true
  }
  for (const flow of properties.namedFlows()) {
    if (flow.source !== flow.target || !isEnabled(flow)) continue
    findings.refuse('CONFIG_CONFLICT', `${flow.source}->${flow.target}.enabled=true: source and ` +
      'target are the same cluster', `${flow.source}->${flow.target}.enabled`)
  }
  return orderedPairs(aliases).filter(isEnabled)
}

export function orderedPairs (aliases: readonly string[]): readonly FlowName[] {
  return aliases.flatMap(source => aliases.map(target => ({ source, target })))
    .filter(({ source, target }) => source !== target)
}

/** The aliases of a flow's clusters in topic names. */
export function aliasesOf (flow: FlowName, properties: PropertySet): FlowName {
  return {
    source: properties.ofFlow('source.cluster.alias', flow)?.value ?? flow.source,
    target: properties.ofFlow('target.cluster.alias', flow)?.value ?? flow.target
  }
}

/** The prefixes that flows of the file put before names, including flows of other processes. */
export function remotePrefixes (
  flows: readonly FlowName[], aliases: readonly string[], properties: PropertySet
): readonly RemotePrefix[] {
  const separators = flows.map(flow => {
    const entry = properties.ofFlow('replication.policy.separator', flow)
    const row = flowTable['replication.policy.separator']
    return (entry === undefined ? undefined : row.parse(entry.value)) ?? row.default
  })
  const named = flows.flatMap(flow => {
    const { source, target } = aliasesOf(flow, properties)
    return [source, target]
  })
  const all = [...new Set([...aliases, ...named])].filter(alias => alias !== '')
  return [...new Set(separators)].filter(separator => separator !== '').flatMap(separator =>
    all.map(alias => ({ alias, prefix: `${alias}${separator}` })))
}

/** The targets of this process: those of --clusters, or all. */
export function wantedTargets (
  clusters: readonly string[] | undefined, aliases: readonly string[], findings: Findings
): readonly string[] {
  for (const alias of clusters ?? []) {
    if (aliases.includes(alias)) continue
    const nearest = nearestName(alias, aliases)
    findings.refuse('CONFIG_INVALID', `--clusters ${alias}: clusters=${aliases.join(', ')} does ` +
      `not list it${nearest === undefined ? '' : `; did you mean ${nearest}?`}`, 'clusters')
  }
  return clusters ?? aliases
}

/** Refuses a value that is not allowed; the result is then undefined. */
export function parseValue (setting: Setting, entry: Entry, findings: Findings): unknown {
  const row = rowOf(setting)
  const value = row.parse(entry.value)
  // A Java client may have a larger value than Longhaul can use, and the file must continue to
  // work.
  const largest = row.role === undefined && row.isLowered !== true
    ? undefined
    : row.largest(entry.value)
  if (largest !== undefined) {
    findings.warn(entry.key, `${describeEntry(entry)} is more than Longhaul can use: ` +
      `${row.show(largest)} is used`)
    return largest
  }
  if (value === undefined) {
    findings.refuse('CONFIG_INVALID',
      `${describeEntry(entry)}: allowed is ${row.range}` +
      (row.wayOut === undefined ? '' : `; ${row.wayOut}`), entry.key)
  }
  const remark = row.remark(entry.value)
  if (remark !== undefined) findings.warn(entry.key, `${describeEntry(entry)}: ${remark}`)
  return value
}
