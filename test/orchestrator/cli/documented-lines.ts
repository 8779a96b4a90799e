// The lines of the documents that a reader types into a shell, as words; and what the program makes
// of the words of a `longhaul` command, without carrying it out.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommanderError, type Command } from 'commander'
import { createProgram } from '../../../src/orchestrator/cli/program.ts'
import { repoRoot } from '../../kafka/repo-root.ts'
import { capturedTerminal } from './run-program.ts'

const root = repoRoot()
export const pages = ['README.md', 'CONTRIBUTING.md', 'CONFIGURATION.md', 'FAILURES.md',
  'METRICS.md', 'perf/README.md',
  ...readdirSync(join(root, 'docs')).flatMap(name => name.endsWith('.md') ? [`docs/${name}`] : [])]

export function readPage (page: string): string { return readFileSync(join(root, page), 'utf8') }

export interface Line {
  readonly page: string
  readonly words: readonly string[]
  /** What the comment above the block says: why no test runs it, or the test that does. */
  readonly mark?: { readonly notRun: string } | { readonly runBy: string }
}

/** The lines of the shell blocks, each with its continuations. */
export function linesOf (page: string, text: string): readonly Line[] {
  const blocks = text.matchAll(
    /(?: *<!-- (not run|run by): ([^>]+) -->\n)? *```(?:sh|bash)\n([^]*?)^ *```/gm)
  return [...blocks].flatMap(([, kind, said = '', block = '']) => {
    const mark = kind === undefined ? {}
      : { mark: kind === 'not run' ? { notRun: said } : { runBy: said } }
    return block.replaceAll('\\\n', ' ').split('\n').flatMap(line => {
      const words = wordsOf(line)
      return words.length === 0 ? [] : [{ page, words, ...mark }]
    })
  })
}

/** As a shell splits them; a comment ends the line. */
function wordsOf (line: string): readonly string[] {
  const words: string[] = []
  for (const [word] of line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (word.startsWith('#')) break
    words.push(word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'))
  }
  return words[0] === 'npx' ? words.slice(1) : words
}

/** The sentences' commands of a program, such as `longhaul status FILE`; a line may end in one. */
export function spansOf (page: string, text: string, program = 'longhaul'): readonly Line[] {
  const spans = new RegExp(`\`((?:npx )?${program} [\\w-][^\`\\n]*(?:\\n[^\`\\n]*)?)\``, 'g')
  return [...text.matchAll(spans)].map(([, span = '']) => ({ page, words: wordsOf(span) }))
}

/** What is wrong with the arguments; carries nothing out. `path` are the words of the command. */
export function tryArguments (args: readonly string[]): {
  readonly problem: string | undefined, readonly path: string
} {
  const captured = capturedTerminal()
  const program = createProgram(captured.terminal, () => {})
  const path: string[] = []
  const takeNothing = (command: Command, names: readonly string[]): void => {
    for (const each of command.commands) takeNothing(each, [...names, each.name()])
    if (command.commands.length === 0) command.action(() => { path.push(...names) })
  }
  takeNothing(program, [])
  try {
    program.parse(['node', 'longhaul', ...args])
    return { problem: undefined, path: path.join(' ') }
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return { problem: captured.written(), path: '' }
  }
}
