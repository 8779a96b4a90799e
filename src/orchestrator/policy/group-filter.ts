// Which consumer groups take part in a flow. As MirrorMaker 2's DefaultGroupFilter: Java regular
// expressions that match the whole name, exclude wins, an empty list matches nothing. Pure.
import { compileRegexList, type RegexProblem } from './regex-list.ts'

export interface GroupFilter {
  /** The expressions as they were written. */
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
  const included = compileRegexList(groups)
  const excluded = compileRegexList(exclude)
  if (included.ok && excluded.ok) {
    const matches = (group: string): boolean => included.matches(group) && !excluded.matches(group)
    return { ok: true, filter: { groups, matches } }
  }
  return {
    ok: false,
    problems: [
      ...(included.ok ? [] : included.problems).map(each => ({ ...each, list: 'groups' as const })),
      ...(excluded.ok ? [] : excluded.problems)
        .map(each => ({ ...each, list: 'groups.exclude' as const }))
    ]
  }
}
