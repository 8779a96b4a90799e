// The parts of a property's name: `A->B.source.consumer.fetch.max.bytes` is a setting of the flow
// A->B, on its source, for the consumer. This file knows how names are composed, not which names
// exist.

/** The two ends of a flow. */
export type Side = 'source' | 'target'
export const clientRoles = ['consumer', 'producer', 'admin'] as const
export type ClientRole = (typeof clientRoles)[number]

export type Level =
  | { readonly at: 'top' }
  | { readonly at: 'cluster', readonly alias: string }
  | { readonly at: 'flow', readonly source: string, readonly target: string }

export interface PropertyPath {
  readonly level: Level
  readonly side: Side | undefined
  readonly role: ClientRole | undefined
  /**
   * `producer.override.NAME`: Kafka Connect's name for a property of the producer of the records.
   */
  readonly isOverride?: boolean
  readonly name: string
}

export type ParsedPath =
  | { readonly ok: true, readonly path: PropertyPath }
  | { readonly ok: false, readonly unknownAlias: string }

/** Whether a text is a whole name: `admin.timeout.ms` is one name, not a role and a name. */
export function parsePath (
  key: string, aliases: readonly string[], isName: (name: string) => boolean
): ParsedPath {
  const top: Level = { at: 'top' }
  if (isName(key)) return found(top, undefined, undefined, key)
  const arrow = key.indexOf('->')
  if (arrow !== -1) return flowPath(key, arrow, aliases, isName)
  // The longest alias first: with the aliases `eu` and `eu.west`, `eu.west.x` belongs to `eu.west`.
  const alias = byLength(aliases).find(each => key.startsWith(`${each}.`))
  if (alias === undefined) return rest(top, key, isName)
  return rest({ at: 'cluster', alias }, key.slice(alias.length + 1), isName)
}

function flowPath (
  key: string, arrow: number, aliases: readonly string[], isName: (name: string) => boolean
): ParsedPath {
  const source = key.slice(0, arrow)
  const afterArrow = key.slice(arrow + 2)
  if (!aliases.includes(source)) return { ok: false, unknownAlias: source }
  const target = byLength(aliases).find(each => afterArrow.startsWith(`${each}.`))
  if (target === undefined) return { ok: false, unknownAlias: afterArrow.split('.')[0] ?? '' }
  return rest({ at: 'flow', source, target }, afterArrow.slice(target.length + 1), isName)
}

function byLength (aliases: readonly string[]): readonly string[] {
  return [...aliases].sort((one, other) => other.length - one.length)
}

/** Removes `[source.|target.][cluster.|consumer.|producer.|admin.][override.]` from the name. */
function rest (level: Level, text: string, isName: (name: string) => boolean): ParsedPath {
  if (isName(text)) return found(level, undefined, undefined, text)
  let name = text
  const side = (['source', 'target'] as const).find(each => name.startsWith(`${each}.`))
  if (side !== undefined) name = name.slice(side.length + 1)
  if (side !== undefined && isName(name)) return found(level, side, undefined, name)
  if (side !== undefined && name.startsWith('cluster.')) {
    return found(level, side, undefined, name.slice('cluster.'.length))
  }
  const role = clientRoles.find(each => name.startsWith(`${each}.`))
  if (role !== undefined) name = name.slice(role.length + 1)
  const isOverride = role !== undefined && name.startsWith('override.')
  if (isOverride) name = name.slice('override.'.length)
  // A cluster has no sides.
  if (level.at === 'cluster' && side !== undefined) return found(level, undefined, undefined, text)
  return found(level, side, role, name, isOverride)
}

function found (
  level: Level, side: Side | undefined, role: ClientRole | undefined, name: string,
  isOverride = false
): ParsedPath {
  return { ok: true, path: { level, side, role, isOverride, name } }
}
