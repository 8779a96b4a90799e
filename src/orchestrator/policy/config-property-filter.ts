// Which topic settings a remote topic does not copy from its source topic: the answers of
// MirrorMaker 2's DefaultConfigPropertyFilter.
import { compileRegexList, type RegexProblem } from './regex-list.ts'

export interface ConfigPropertyFilter {
  excludes (name: string): boolean
  /** Whether `.*` is in the list: then the settings of the source need not even be read. */
  readonly excludesAll: boolean
}

export type ParsedConfigPropertyFilter =
  | { readonly ok: true, readonly filter: ConfigPropertyFilter }
  | { readonly ok: false, readonly problems: readonly RegexProblem[] }

export function createConfigPropertyFilter (
  exclude: readonly string[]
): ParsedConfigPropertyFilter {
  const compiled = compileRegexList(exclude)
  if (!compiled.ok) return compiled
  return {
    ok: true,
    filter: { excludes: compiled.matches, excludesAll: exclude.includes('.*') }
  }
}
