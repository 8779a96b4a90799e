// Which consumer groups a flow includes. As MirrorMaker 2's DefaultGroupFilter: Java regular
// expressions that match the whole name, exclude wins, an empty list matches nothing. Pure.
import { compileFilter, type RegexProblem } from './regex-list.ts'

export interface GroupFilter {
  /** The expressions as the user wrote them. */
  readonly groups: readonly string[]
  matches (group: string): boolean
}

export interface GroupFilterProblem extends RegexProblem {
  readonly list: 'groups' | 'groups.exclude'
}

export type ParsedGroupFilter =
  | { readonly ok: true, readonly filter: GroupFilter }
  | { readonly ok: false, readonly problems: readonly GroupFilterProblem[] }

export function createGroupFilter (
  groups: readonly string[], exclude: readonly string[]
): ParsedGroupFilter {
  const filter = compileFilter(groups, exclude, ['groups', 'groups.exclude'])
  return filter.ok ? { ok: true, filter: { groups, matches: filter.matches } } : filter
}
