// Puts chosen settings into a properties file. Everything else keeps its bytes. Pure.
import type { Choice } from './tune-table.ts'

/** `flow` is the name of the flow, such as A->B: its settings take precedence in the file. */
export function editFile (text: string, flow: string, choice: Choice, comment: string): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
  const entries = Object.entries(choice)
  const keys = entries.map(([setting]) => `${flow}.${setting}`)
  // A former line of the same key is made a comment: the last one would count, with a warning.
  const lines = text.split(/(?<=\n)/)
  let isContinued = false
  const kept = lines.map(line => {
    const isOwn = !isContinued && keys.includes(keyOf(line))
    isContinued = !isContinued && isComment(line) ? false : /(^|[^\\])(\\\\)*\\\r?\n$/.test(line)
    return isOwn && !isContinued ? `# ${line}` : line
  }).join('')
  const begins = kept === '' || kept.endsWith('\n') ? '' : lineEnd
  return kept + begins + [
    `# ${comment}`, ...entries.map(([setting, value]) => `${flow}.${setting} = ${value}`), ''
  ].join(lineEnd)
}

function isComment (line: string): boolean { return /^\s*[#!]/.test(line) }

function keyOf (line: string): string {
  return isComment(line) ? '' : (/^\s*([^\s=:]+)/.exec(line)?.[1] ?? '')
}
