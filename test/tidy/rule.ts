// A tidy rule: a name, the allowed way, and a search over a tree of files. A tree is a plain map,
// so that small fixtures and the whole repository are searched in the same way.

/** Repo-relative path -> text. */
export type Tree = ReadonlyMap<string, string>

export interface Finding {
  readonly path: string
  /** 1-based; 0 if it concerns the whole file. */
  readonly line: number
  readonly what: string
  /** The replacement, if the rule's `instead` is not precise enough. */
  readonly instead?: string
}

export interface Rule {
  readonly name: string
  readonly instead: string
  find (tree: Tree): Finding[]
}

/** A rule that checks one file at a time. */
export function perFile (
  name: string,
  instead: string,
  takes: (path: string) => boolean,
  find: (path: string, text: string) => Array<Omit<Finding, 'path'>>
): Rule {
  return {
    name,
    instead,
    find: (tree) => [...tree]
      .filter(([path]) => takes(path))
      .flatMap(([path, text]) => find(path, text).map((finding) => ({ path, ...finding })))
  }
}

/** One finding for each line on which the pattern matches. */
export function matchingLines (
  text: string, pattern: RegExp
): Array<{ line: number, what: string }> {
  return text.split('\n').flatMap((content, index) => {
    const match = pattern.exec(content)
    return match === null ? [] : [{ line: index + 1, what: match[0].trim() }]
  })
}

export function describeFindings (rule: Rule, findings: readonly Finding[]): string {
  const lines = findings.map(({ path, line, what, instead }) => {
    const place = line > 0 ? `${path}:${line}` : path
    return `  ${place}: ${what}${instead === undefined ? '' : ` -> ${instead}`}`
  })
  return `${rule.name}\n${lines.join('\n')}\nInstead: ${rule.instead}`
}
