// The properties file of a bench's mirror: the clusters of a flow of the user's file, under aliases
// of this bench, so that topics, progress and groups of other mirrors are untouched. Pure.
import type { FlowConfig } from '../config/config.ts'
import { Findings } from '../config/findings.ts'
import { escapeValue, readEntries, type Entry } from '../config/properties-text.ts'

/** Part of the name of each topic of a bench: a bench may delete any topic with this part. */
export interface BenchNames {
  /** The alias of the source. */
  readonly alias: string
  /** The topic on the source. */
  readonly topic: string
}

export const targetAlias = 'target'

export function benchNames (id: string): BenchNames {
  const alias = `longhaul-bench-${id}`
  return { alias, topic: `${alias}-load` }
}

export interface BenchAddresses {
  readonly source: string
  readonly target: string
}

/** The flow of the user's file whose clusters are used. */
export interface UserFlow {
  readonly text: string
  readonly source: string
  readonly target: string
}

/** Settings that would change names of topics, or what the mirror does besides mirroring. */
const left = new RegExp('(^|\\.)(clusters|enabled|topics(\\..*)?|topic\\.rename|' +
  'start\\.positions|replication\\.policy\\..*|(source|target)\\.cluster\\.alias|' +
  'same\\.names\\.both\\.ways|' +
  'metrics\\..*|api\\..*|log\\..*|emit\\..*|sync\\..*|heartbeats\\..*|offset-syncs\\..*|' +
  '.*replication\\.factor|task\\.slots|auto\\.offset\\.reset)$')

/** The flow of a bench, with errors that name the clusters as the user does. */
export function withUserNames (
  flow: FlowConfig, { source, target }: Pick<UserFlow, 'source' | 'target'>
): FlowConfig {
  const named = (end: FlowConfig['source'], cluster: string): FlowConfig['source'] =>
    ({ ...end, admin: { ...end.admin, cluster } })
  return { ...flow, source: named(flow.source, source), target: named(flow.target, target) }
}

export function renderMirrorFile (
  names: BenchNames, addresses: Partial<BenchAddresses>, user: UserFlow | undefined
): string {
  const { alias, topic } = names
  const flow = `${alias}->${targetAlias}`
  const { source, target } = addresses
  const entries = [
    ...user === undefined ? [] : userEntries(names, user),
    ['clusters', `${alias}, ${targetAlias}`],
    ...source === undefined ? [] : [[`${alias}.bootstrap.servers`, source]],
    ...target === undefined ? [] : [[`${targetAlias}.bootstrap.servers`, target]],
    [`${flow}.enabled`, 'true'],
    // A list of patterns.
    [`${flow}.topics`, topic.replaceAll('.', '[.]')],
    ['replication.policy.separator', '.'],
    // -1: the default of the target. Few slots: one process needs no more.
    ['replication.factor', '-1'],
    ['progress.topic.replication.factor', '-1'],
    ['task.slots', '4'],
    ['metrics.port', '-1'],
    ['log.level', 'warn'],
    ['log.format', 'json'],
    ['emit.heartbeats.enabled', 'false'],
    [`${targetAlias}->${alias}.emit.heartbeats.enabled`, 'false'],
    ['heartbeats.replication.enabled', 'false'],
    ['emit.checkpoints.enabled', 'false'],
    ['emit.offset-syncs.enabled', 'false'],
    ['sync.topic.configs.enabled', 'false'],
    ['sync.topic.acls.enabled', 'false']
  ]
  return entries.map(([key = '', value = '']) => `${key} = ${escapeValue(value)}\n`).join('')
}

/** What the file says about the two clusters, the flow between them, and all flows. */
function userEntries (
  { alias }: BenchNames, { source, target, text }: UserFlow
): ReadonlyArray<readonly [string, string]> {
  const entries = readEntries(text, new Findings())
  const aliases = clustersOf(entries).filter(each => each !== source && each !== target)
  const isOfOther = (key: string): boolean =>
    key.includes('->') || aliases.some(each => key.startsWith(`${each}.`))
  return entries.flatMap(({ key, value }): ReadonlyArray<readonly [string, string]> => {
    const renamed = rename(key, [
      [`${source}->${target}.`, `${alias}->${targetAlias}.`],
      [`${source}.`, `${alias}.`], [`${target}.`, `${targetAlias}.`]
    ])
    if (left.test(renamed ?? key)) return []
    if (renamed !== undefined) return [[renamed, value]]
    return isOfOther(key) ? [] : [[key, value]]
  })
}

function clustersOf (entries: readonly Entry[]): readonly string[] {
  const written = entries.find(({ key }) => key === 'clusters')?.value ?? ''
  return written.split(',').map(each => each.trim()).filter(each => each !== '')
}

function rename (
  key: string, prefixes: ReadonlyArray<readonly [from: string, to: string]>
): string | undefined {
  const found = prefixes.find(([from]) => key.startsWith(from))
  return found === undefined ? undefined : found[1] + key.slice(found[0].length)
}
