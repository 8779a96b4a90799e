// The commands in README.md and docs/: the real program accepts each `longhaul` line, package.json
// has each npm script, and a test runs the command or requests the address. Other lines are marked:
// a comment `not run: WHY` stands above their block.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CommanderError, type Command } from 'commander'
import { createProgram } from '../src/orchestrator/cli/program.ts'
import { repoRoot } from './kafka/repo-root.ts'
import { capturedTerminal } from './orchestrator/cli/run-program.ts'

const root = repoRoot()
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = ['README.md', 'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs')).flatMap(name => name.endsWith('.md') ? [`docs/${name}`] : [])]
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts

/** The test that runs each command of the documents, by its own words. */
const testOf: Readonly<Record<string, string>> = {
  'acls': 'integration/printed-acls.long.test.ts',
  'bench': 'integration/bench.test.ts',
  'completion': 'orchestrator/cli/completion.test.ts',
  'doctor': 'integration/doctor.test.ts',
  'lag': 'integration/lag.test.ts',
  'log-level': 'integration/api.test.ts',
  'migrate': 'integration/migration.long.test.ts',
  'migrate-config': 'orchestrator/cli/migrate-config.test.ts',
  'offsets explain': 'integration/offset-map.test.ts',
  'offsets export': 'integration/offset-map.test.ts',
  'offsets export-mm2': 'integration/migration.long.test.ts',
  'offsets import-mm2': 'integration/restart.test.ts',
  'offsets import': 'integration/offsets-import.test.ts',
  'offsets translate': 'integration/offset-map.test.ts',
  'partitions list': 'integration/api.test.ts',
  'partitions retry': 'integration/api.test.ts',
  'partitions skip': 'integration/operator.test.ts',
  'pause': 'integration/api.test.ts',
  'plan': 'integration/plan.test.ts',
  'reload': 'integration/api.test.ts',
  'resume': 'integration/api.test.ts',
  'run': 'integration/mirror-process.ts',
  'status': 'integration/operator.test.ts',
  'support-bundle': 'orchestrator/cli/support-bundle.test.ts',
  'throttle': 'integration/throttle.test.ts',
  'top': 'orchestrator/cli/top.test.ts',
  'topics': 'integration/api.test.ts',
  'tune': 'integration/tune.long.test.ts',
  'validate': 'integration/validate.test.ts',
  'wait': 'integration/api.test.ts'
}

/** The test that requests each address that a document passes to curl. */
const addresses: ReadonlyArray<readonly [address: RegExp, asked: string, test: string]> = [
  [/:9584\/readyz$/, '/readyz', 'integration/mirror-process.ts'],
  [/:9584\/metrics$/, '/metrics', 'integration/mirror-process.ts'],
  [/:9584\/api\/v1\/flows$/, '/api/v1/flows', 'orchestrator/api/flow-routes.test.ts'],
  [/\/flows\/frankfurt-%3Esydney\/partitions\?state=faulted$/, '/partitions?state=faulted',
    'integration/api.test.ts'],
  [/\/api\/v1\/events$/, '/events', 'integration/api.test.ts'],
  [/\/flows\/frankfurt-%3Esydney\/caught-up\?timeout=5m$/, '/caught-up?timeout=',
    'integration/api.test.ts'],
  [/\/flows\/frankfurt-%3Esydney\/pause$/, '/pause', 'integration/api.test.ts']
]

interface Line {
  readonly page: string
  readonly words: readonly string[]
  readonly isMarked: boolean
}

/** The lines of the shell blocks, each with its continuations. */
function linesOf (page: string, text: string): readonly Line[] {
  const blocks = text.matchAll(/( *<!-- not run: [^>]+ -->\n)? *```(?:sh|bash)\n([^]*?)^ *```/gm)
  return [...blocks].flatMap(([, mark, block = '']) =>
    block.replaceAll('\\\n', ' ').split('\n').flatMap(line => {
      const words = wordsOf(line)
      return words.length === 0 ? [] : [{ page, words, isMarked: mark !== undefined }]
    }))
}

/** As a shell splits them; a comment ends the line. */
function wordsOf (line: string): readonly string[] {
  const words: string[] = []
  for (const [word] of line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (word.startsWith('#')) break
    words.push(word.replaceAll(/['"]/g, ''))
  }
  return words[0] === 'npx' ? words.slice(1) : words
}

/** The sentences' commands, such as `longhaul status FILE`. */
function spansOf (page: string, text: string): readonly Line[] {
  return [...text.matchAll(/`((?:npx )?longhaul [a-z][^`\n]*)`/g)].map(([, span = '']) =>
    ({ page, words: wordsOf(span), isMarked: false }))
}

/** What is wrong with the arguments; carries nothing out. `path` are the words of the command. */
function tryArguments (args: readonly string[]): {
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

/** Whether the text has the words as elements of a list: `'partitions', 'retry'`. */
function isTested (text: string, words: readonly string[]): boolean {
  // A test of migrate-config calls its function: the command only reads and writes files.
  if (words[0] === 'migrate-config') return text.includes('migrateConfig(files, options, terminal)')
  return new RegExp(words.map(word => `['"]${word}['"]`).join(',\\s*')).test(text)
}

/** Undefined: the line is correct, and a test runs it, or it is marked. */
function problemOf ({ isMarked, words }: Line): string | undefined {
  const [program = '', ...args] = words
  if (program === 'longhaul') {
    const { path, problem } = tryArguments(args)
    if (problem !== undefined) return problem
    const tested = testOf[path]
    if (tested === undefined) return `name the test that runs ${path}`
    return isTested(read(`test/${tested}`), path.split(' '))
      ? undefined
      : `test/${tested} does not run ${path}`
  }
  if (program === 'npm') {
    const script = args[0] === 'run' ? args[1] : args[0]
    return Object.hasOwn(scripts, script ?? '') ? undefined : 'package.json has no such script'
  }
  if (program === 'curl') {
    const address = words.find(word => word.includes('http://')) ?? ''
    const row = addresses.find(([pattern]) => pattern.test(address))
    if (row === undefined) return `name the test that requests ${address}`
    return read(`test/${row[2]}`).includes(row[1])
      ? undefined
      : `test/${row[2]} does not request ${row[1]}`
  }
  return isMarked ? undefined : 'no test runs it: mark its block by <!-- not run: WHY -->'
}

const show = ({ page, words }: Line): string => `${page}: ${words.join(' ')}`

describe('the commands of the documents', () => {
  test('are accepted, and run by a test or marked', () => {
    const lines = pages.flatMap(page => linesOf(page, read(page)))
    assert.ok(lines.length > 50, String(lines.length))
    assert.deepEqual(lines.flatMap(line => {
      const problem = problemOf(line)
      return problem === undefined ? [] : [`${show(line)}: ${problem}`]
    }), [])
  })

  test('are accepted in sentences, too', () => {
    const numbers: Readonly<Record<string, string>> = { N: '3', OFFSET: '1200' }
    const spans = pages.flatMap(page => spansOf(page, read(page)))
    assert.ok(spans.length > 20, String(spans.length))
    assert.deepEqual(spans.flatMap(span => {
      const args = span.words.slice(1).map(word => numbers[word] ?? word)
      // A sentence may name a command without its arguments.
      const isName = args.every(word => /^[a-z][a-z-]*$/.test(word))
      const { problem } = tryArguments(isName ? [...args, '--help'] : args)
      return problem === undefined || (isName && problem.startsWith(`Usage: longhaul ${args[0]}`))
        ? []
        : [`${show(span)}: ${problem}`]
    }), [])
  })

  test('are looked at closely: each kind of mistake is found', () => {
    const mistakes: ReadonlyArray<readonly [block: string, problem: RegExp]> = [
      ['longhaul statsu FILE', /unknown command 'statsu'/],
      ['longhaul status FILE --topics x', /unknown option '--topics'/],
      ['npx longhaul pause FILE', /required option '--reason/],
      ['longhaul wait FILE --caught-up \\\n  --timeuot 1m', /unknown option '--timeuot'/],
      ['longhaul status FILE -o xml', /Allowed choices are table, json, yaml/],
      ['npm run packages', /no such script/],
      ['curl http://127.0.0.1:9584/ready', /name the test that requests/],
      ['kubectl get pods', /mark its block/]
    ]
    for (const [block, expected] of mistakes) {
      const [line] = linesOf('page', `\`\`\`sh\n${block}\n\`\`\`\n`)
      assert.ok(line !== undefined)
      assert.match(problemOf(line) ?? '', expected)
    }
    const marked = '<!-- not run: no cluster -->\n```sh\nkubectl get pods # all\nlonghaul x\n```\n'
    const [first, second] = linesOf('page', marked)
    assert.ok(first !== undefined && second !== undefined)
    assert.equal(problemOf(first), undefined)
    assert.match(problemOf(second) ?? '', /unknown command/, 'a mark excuses no own command')
  })

  test('have a row only if the test of the row exists', () => {
    for (const file of [...Object.values(testOf), ...addresses.map(row => row[2])]) {
      assert.ok(existsSync(join(root, 'test', file)), file)
    }
  })
})
