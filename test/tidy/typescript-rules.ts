// Rules for TypeScript: its form (no semicolons, single quotes), one word a thing, and the globals
// that make a module depend on its machine.
import ts from 'typescript'
import { perFile, type Rule } from './rule.ts'
import { declaredNames, lineOf, parse, usesOf, visit } from './syntax.ts'

const isTypeScript = (path: string): boolean => path.endsWith('.ts')
const isSource = (path: string): boolean => path.startsWith('src/') && isTypeScript(path)

/** One row for each word: the project's word for it (house vocabulary: Kafka's words). */
export const synonyms: Readonly<Record<string, string>> = {
  message: 'record (Kafka\'s unit)',
  msg: 'record, or text of an error',
  row: 'record (unless of a table)',
  destination: 'target',
  dest: 'target',
  dst: 'target',
  sink: 'target',
  origin: 'source',
  src: 'source',
  pipeline: 'flow',
  shard: 'lane',
  job: 'lane or flow',
  bucket: 'slot (unless of a histogram)',
  engine: 'forwarder',
  replicator: 'forwarder',
  cursor: 'progress, or the offset it is',
  tp: 'topicPartition',
  matcher: 'filter',
  savepoint: 'checkpoint',
  ping: 'heartbeat',
  mapping: 'offsetSync, or the pair it is'
}

/**
 * Names that may contain a banned word, and their files: one row for each exception, with its
 * reason.
 */
const exceptions: ReadonlyArray<{ word: string, unless: RegExp, why: string }> = [
  { word: 'replicator', unless: /ReplicatorError/, why: 'the error class bears the name' },
  { word: 'row', unless: /./, why: 'our tables have rows' },
  { word: 'bucket', unless: /observability|[Hh]istogram|[Ll]atency/, why: 'histograms have them' },
  { word: 'message', unless: /^src\/orchestrator\/errors\//, why: 'Error.message' },
  { word: 'message', unless: /[Ee]rror_?[Mm]essage/, why: 'a field of Kafka\'s responses' },
  { word: 'cursor', unless: /record_?cursor|reencode/i, why: 'it walks the bytes of a batch' },
  { word: 'message', unless: /^src\/.*\/lane[\w-]*\.ts/, why: 'a MessagePort carries them' },
  {
    word: 'message',
    unless: /^src\/orchestrator\/(cluster\/kafka-client|progress\/progress-store)\.ts/,
    why: 'the two files that speak to a client library in its own word'
  },
  { word: 'job', unless: /^src\/dataplane\/core\//, why: 'what the encode pool runs' },
  { word: 'message', unless: /CorruptMessage|MessageTooLarge/, why: 'Kafka\'s error names' },
  { word: 'message', unless: /legacy|record_cursor|reencode/i, why: 'magic 0 and 1 hold such' }
]

function wordsOf (name: string): string[] {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[\s_]+/)
    .map((word) => word.toLowerCase().replace(/s$/, ''))
}

export function bannedWordIn (path: string, name: string): string | undefined {
  return wordsOf(name).find((word) => {
    if (!Object.hasOwn(synonyms, word)) return false
    const excuses = exceptions.filter((exception) => exception.word === word)
    return !excuses.some(({ unless }) => unless.test(path) || unless.test(name))
  })
}

const impure = new Set([
  'Date.now', 'performance.now', 'Math.random', 'setInterval', 'process.env'
])
/** The page is a program of its own: the browser is its clock. */
const mayBeImpure = /^src\/(page\/|orchestrator\/(main\.ts$|time\/|config\/))/

/** It may be between two statements of one line, and before a line that opens a bracket. */
function endsWithSemicolon (node: ts.Node, file: ts.SourceFile): boolean {
  const isTerminated = ts.isStatement(node) || ts.isTypeElement(node) || ts.isClassElement(node)
  if (!isTerminated || ts.isBlock(node)) return false
  const endsLine = /^\s*(\/\/.*)?(\n|$)/.test(file.text.slice(node.getEnd()))
  return endsLine && /[^\n\s;][ \t]*;$/.test(node.getText(file))
}

function findSemicolons (file: ts.SourceFile): number[] {
  const lines = new Set<number>()
  visit(file, (node) => {
    if (!endsWithSemicolon(node, file)) return
    lines.add(file.getLineAndCharacterOfPosition(node.getEnd()).line + 1)
  })
  return [...lines]
}

export const typescriptRules: readonly Rule[] = [
  perFile(
    'no semicolons at line ends',
    'end the line; a line that begins with ( or [ carries the semicolon in front',
    isTypeScript,
    (path, text) => findSemicolons(parse(path, text)).map((line) => ({ line, what: ';' }))
  ),
  perFile(
    'strings are in single quotes',
    "'text', or \"text with 'quotes' in it\"",
    isTypeScript,
    (path, text) => {
      const found: Array<{ line: number, what: string }> = []
      visit(parse(path, text), (node) => {
        if (!ts.isStringLiteral(node)) return
        const written = node.getText()
        if (written.startsWith('"') && !written.includes("'")) {
          found.push({ line: lineOf(node), what: written })
        }
      })
      return found
    }
  ),
  perFile(
    'one word a thing',
    'the word of the vocabulary in CONTRIBUTING.md',
    isSource,
    (path, text) => declaredNames(parse(path, text)).flatMap(({ name, line }) => {
      const word = bannedWordIn(path, name)
      return word === undefined ? [] : [{ line, what: name, instead: synonyms[word] ?? '' }]
    })
  ),
  perFile(
    'clock, chance and environment come in by argument',
    'take a Clock or Random of time/clock.ts, an intervalLoop of time/, a setting of config/',
    (path) => isSource(path) && !mayBeImpure.test(path),
    (path, text) => usesOf(parse(path, text), impure)
      .map(({ target, line }) => ({ line, what: target }))
  )
]
