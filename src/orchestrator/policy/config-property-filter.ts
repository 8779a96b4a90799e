// Which topic settings a remote topic copies from its source topic: the rules of MirrorMaker 2's
// DefaultConfigPropertyFilter.
import { compileRegexList, type RegexProblem } from './regex-list.ts'

export interface ConfigPropertyFilter {
  excludes (name: string): boolean
  /** Whether the list contains `.*`: then the settings of the source need not be read. */
  readonly excludesAll: boolean
  /** use.defaults.from=source: defaults of the source are copied, too. */
  readonly copiesDefaults: boolean
}

export type ParsedConfigPropertyFilter =
  | { readonly ok: true, readonly filter: ConfigPropertyFilter }
  | { readonly ok: false, readonly problems: readonly RegexProblem[] }

export function createConfigPropertyFilter (
  exclude: readonly string[], copiesDefaults = false
): ParsedConfigPropertyFilter {
  const compiled = compileRegexList(exclude)
  if (!compiled.ok) return compiled
  return {
    ok: true,
    filter: { excludes: compiled.matches, excludesAll: exclude.includes('.*'), copiesDefaults }
  }
}
