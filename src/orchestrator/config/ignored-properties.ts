// --ignore PROPERTY: the operator has decided that the property of the file has no effect.
import type { Findings } from './findings.ts'
import type { Entry } from './properties-text.ts'

/** `transforms` stands for `A->B.transforms` and `B.transforms`, too. */
export function withoutIgnored (
  entries: readonly Entry[], names: readonly string[], aliases: readonly string[],
  findings: Findings
): readonly Entry[] {
  const levels = ['', ...aliases.flatMap(source =>
    [`${source}.`, ...aliases.map(target => `${source}->${target}.`)])]
  const used = new Set<string>()
  const counted = entries.filter(({ key, where }) => {
    const name = names.find(each => levels.some(level => key === `${level}${each}`))
    if (name === undefined) return true
    used.add(name)
    findings.warn(key, `${key} (${where}) is ignored, as --ignore ${name} says`)
    return false
  })
  for (const name of names) {
    if (used.has(name)) continue
    findings.warn(`--ignore ${name}`, `--ignore ${name}: the file has no such property`)
  }
  return counted
}
