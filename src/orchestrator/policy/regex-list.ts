// A list of Java regular expressions, each of which matches a whole name: the base of every filter
// of MirrorMaker 2.
import { translateJavaRegex } from './java-regex.ts'

export interface RegexProblem {
  readonly expression: string
  readonly reason: string
}

export type CompiledRegexList =
  | { readonly ok: true, matches (name: string): boolean }
  | { readonly ok: false, readonly problems: readonly RegexProblem[] }

/**
 * Like MirrorMaker 2, which joins the list by `|`: an expression may be complete only when joined,
 * `(a,b).*`, and flags at its beginning also apply to the following expressions. An empty list
 * matches no name.
 */
export function compileRegexList (expressions: readonly string[]): CompiledRegexList {
  const single = compileEach(expressions)
  if (single.ok || expressions.length < 2) return single
  const joined = expressions.join('|')
  const translated = translateJavaRegex(joined)
  if (!translated.ok) {
    const { reason } = translated
    // An expression that is complete only when joined is not the error in the list.
    const isOfOne = single.problems.some(problem => problem.reason === reason)
    return isOfOne ? single : { ok: false, problems: [{ expression: joined, reason }] }
  }
  const regex = ofWholeName(translated.source, translated.flags)
  return { ok: true, matches: name => regex.test(name) }
}

function compileEach (expressions: readonly string[]): CompiledRegexList {
  const problems: RegexProblem[] = []
  let flags = ''
  const regexes = expressions.flatMap(expression => {
    const translated = translateJavaRegex(expression)
    if (translated.ok) {
      flags = [...new Set(flags + translated.flags)].join('')
      return [ofWholeName(translated.source, flags)]
    }
    problems.push({ expression, reason: translated.reason })
    return []
  })
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, matches: name => regexes.some(regex => regex.test(name)) }
}

/** One Java regular expression that matches whole names. */
export function wholeNameRegex (expression: string): RegExp | RegexProblem {
  const translated = translateJavaRegex(expression)
  return translated.ok
    ? ofWholeName(translated.source, translated.flags)
    : { expression, reason: translated.reason }
}

function ofWholeName (source: string, flags: string): RegExp {
  return RegExp(`^(?:${source})$`, flags)
}

export type CompiledFilter<List> =
  | {
    readonly ok: true
    /** Whether the first list matches and the second does not. */
    matches (name: string): boolean
    /** Whether both lists match. */
    excludes (name: string): boolean
  }
  | { readonly ok: false, readonly problems: ReadonlyArray<RegexProblem & { readonly list: List }> }

/** The two lists of a filter, of which the second wins; `lists` are their names in problems. */
export function compileFilter<List extends string> (
  include: readonly string[], exclude: readonly string[], lists: readonly [List, List]
): CompiledFilter<List> {
  const included = compileRegexList(include)
  const excluded = compileRegexList(exclude)
  if (!included.ok || !excluded.ok) {
    const problemsOf = (compiled: CompiledRegexList, list: List) =>
      compiled.ok ? [] : compiled.problems.map(problem => ({ ...problem, list }))
    const problems = [...problemsOf(included, lists[0]), ...problemsOf(excluded, lists[1])]
    return { ok: false, problems }
  }
  return {
    ok: true,
    matches: name => included.matches(name) && !excluded.matches(name),
    excludes: name => included.matches(name) && excluded.matches(name)
  }
}

/**
 * A character of the expression that no topic name has and no regular expression needs: a comment,
 * a quotation mark or a blank that the author of the file meant otherwise. Undefined: none.
 */
export function strayCharacter (expression: string): string | undefined {
  return /[\s#;"'@]/.exec(expression)?.[0]
}
