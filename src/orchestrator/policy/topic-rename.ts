// topic.rename: names for some topics in place of those of the replication policy. Pure.
import { wholeNameRegex, type RegexProblem } from './regex-list.ts'

export interface RenameRule {
  /** A Java regular expression that matches whole names of topics of the source. */
  readonly expression: string
  /**
   * The name on the target: `$0` stands for the name on the source, `$1` to `$9` for its groups.
   */
  readonly name: string
}

/** The name on the target; undefined: no rule matches. */
export type Renamed = (topic: string) => string | undefined

export type ParsedRenames =
  | { readonly ok: true, readonly renamed: Renamed }
  | { readonly ok: false, readonly problems: readonly RegexProblem[] }

/** The first rule that matches a topic decides. */
export function compileRenames (rules: readonly RenameRule[]): ParsedRenames {
  const compiled = rules.map(rule => ({ rule, regex: wholeNameRegex(rule.expression) }))
  const problems = compiled.flatMap(({ regex, rule }) => {
    if ('reason' in regex) return [regex]
    const groups = groupsOf(regex)
    return groupsIn(rule.name).filter(group => group > groups).map(group => ({
      expression: `${rule.expression}@${rule.name}`,
      reason: `$${group} stands for a group, and the expression has ${groups}`
    }))
  })
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    renamed: topic => {
      for (const { regex, rule } of compiled) {
        const match = 'reason' in regex ? null : regex.exec(topic)
        if (match !== null) return nameOf(rule, match)
      }
      return undefined
    }
  }
}

/** The beginning of all names of the rule; `isWhole`: the rule has only this name. */
export function fixedPartOf (
  { name }: RenameRule
): { readonly text: string, readonly isWhole: boolean } {
  const [text = ''] = name.split('$')
  return { text, isWhole: text === name }
}

function nameOf ({ name }: RenameRule, match: RegExpExecArray): string {
  return name.replace(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? '')
}

function groupsIn (name: string): readonly number[] {
  return [...name.matchAll(/\$(\d)/g)].map(([, group]) => Number(group))
}

/** With an empty alternative the expression matches, and the result has an entry for each group. */
function groupsOf ({ flags, source }: RegExp): number {
  return (RegExp(`${source}|`, flags).exec('')?.length ?? 1) - 1
}
