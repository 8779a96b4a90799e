// A list of Java regular expressions, each of which matches a whole name: what every filter of
// MirrorMaker 2 is made of.
import { translateJavaRegex } from './java-regex.ts'

export interface RegexProblem {
  readonly expression: string
  readonly reason: string
}

export type CompiledRegexList =
  | { readonly ok: true, matches (name: string): boolean }
  | { readonly ok: false, readonly problems: readonly RegexProblem[] }

/** An empty list matches no name. */
export function compileRegexList (expressions: readonly string[]): CompiledRegexList {
  const problems: RegexProblem[] = []
  const regexes = expressions.flatMap(expression => {
    const translated = translateJavaRegex(expression)
    if (translated.ok) return [RegExp(`^(?:${translated.source})$`, translated.flags)]
    problems.push({ expression, reason: translated.reason })
    return []
  })
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, matches: name => regexes.some(regex => regex.test(name)) }
}
