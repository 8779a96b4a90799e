// The commands in README.md and docs/: the real program accepts each `longhaul` line, package.json
// has each npm script, and a test runs the command or requests the address. Other lines are marked:
// a comment `run by: TEST` or `not run: WHY` stands above their block. The commands in deploy/ are
// accepted, too.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { changes, reads, statusOf } from './integration/documented-runs.ts'
import { repoRoot } from './kafka/repo-root.ts'
import {
  linesOf, pages, readPage, spansOf, tryArguments, type Line
} from './orchestrator/cli/documented-lines.ts'

const root = repoRoot()
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts

/**
 * The test that runs each other command of the documents, with other arguments; documented-runs.ts
 * carries out most commands as the documents write them.
 */
const testOf: Readonly<Record<string, string>> = {
  'bench': 'integration/bench.test.ts',
  'migrate': 'integration/migration.long.test.ts',
  'migrate-config': 'orchestrator/cli/migrate-config.test.ts',
  'offsets export-mm2': 'integration/migration.long.test.ts',
  'offsets import-mm2': 'integration/restart.test.ts',
  'offsets import': 'integration/offsets-import.test.ts',
  'partitions skip': 'integration/operator.test.ts',
  'run': 'integration/mirror-process.ts',
  'support-bundle': 'orchestrator/cli/support-bundle.test.ts',
  'tune': 'integration/tune.long.test.ts'
}

/** Other programs whose commands stand in sentences: the test that runs some, or why none does. */
const otherPrograms: Readonly<Record<string, { test: string } | { why: string }>> = {
  'apt-get': { why: 'it changes the machine' },
  'docker': { test: 'deploy/image.long.test.ts' },
  'journalctl': { test: 'deploy/service.long.test.ts' },
  'kubectl': { why: 'it needs a Kubernetes cluster' },
  'openssl': { test: 'kafka/certificates.ts' },
  'promtool': { test: 'deploy/prometheus.test.ts' },
  'systemctl': { test: 'deploy/service.long.test.ts' }
}

/** Whether the text has the words as elements of a list: `'partitions', 'retry'`. */
function isTested (text: string, words: readonly string[]): boolean {
  // A test of migrate-config calls its function: the command only reads and writes files.
  if (words[0] === 'migrate-config') return text.includes('migrateConfig(files, options, terminal)')
  return new RegExp(words.map(word => `['"]${word}['"]`).join(',\\s*')).test(text)
}

/** For a command that a test reads from the page. */
function problemOfTest (test: string, page: string): string | undefined {
  if (!existsSync(join(root, test))) return `there is no ${test}`
  return read(test).includes(`readPage('${page}')`) ? undefined : `${test} does not read ${page}`
}

/** Undefined: the line is correct, and a test runs it, or it is marked. */
function problemOf ({ mark, page, words }: Line): string | undefined {
  const [program = '', ...args] = words
  if (program === 'longhaul') {
    const { path, problem } = tryArguments(args)
    if (problem !== undefined) return problem
    if (Object.hasOwn({ ...reads, ...changes }, path)) return undefined
    const tested = testOf[path]
    if (tested === undefined) return `name the test that runs ${path}`
    return isTested(read(`test/${tested}`), path.split(' '))
      ? undefined
      : `test/${tested} does not run ${path}`
  }
  // npm install changes the machine.
  if (program === 'npm' && args[0] !== 'install') {
    const script = args[0] === 'run' ? args[1] : args[0]
    return Object.hasOwn(scripts, script ?? '') ? undefined : 'package.json has no such script'
  }
  if (program === 'curl') {
    const address = words.find(word => word.includes('http://')) ?? ''
    return statusOf(address) === undefined ? `no test requests ${address}` : undefined
  }
  if (mark === undefined) return 'no test runs it: mark its block by <!-- not run: WHY -->'
  return 'runBy' in mark ? problemOfTest(mark.runBy, page) : undefined
}

const show = ({ page, words }: Line): string => `${page}: ${words.join(' ')}`

describe('the commands of the documents', () => {
  test('are accepted, and run by a test or marked', () => {
    const lines = pages.flatMap(page => linesOf(page, readPage(page)))
    assert.ok(lines.length > 50, String(lines.length))
    assert.deepEqual(lines.flatMap(line => {
      const problem = problemOf(line)
      return problem === undefined ? [] : [`${show(line)}: ${problem}`]
    }), [])
  })

  test('are accepted in sentences, too', () => {
    const numbers: Readonly<Record<string, string>> = { N: '3', OFFSET: '1200' }
    const spans = pages.flatMap(page => spansOf(page, readPage(page)))
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

  test('of other programs are known where sentences name them', () => {
    const spansOfProgram = (program: string): readonly Line[] =>
      pages.flatMap(page => spansOf(page, readPage(page), program))
    const checked = ['npm', 'curl'].flatMap(program => spansOfProgram(program))
      // npm install changes the machine, and `npm run` alone is a name.
      .filter(({ words }) => words[1] !== 'install' && words.join(' ') !== 'npm run')
    assert.ok(checked.length > 15, String(checked.length))
    assert.deepEqual(checked.flatMap(line => {
      const problem = problemOf(line)
      return problem === undefined ? [] : [`${show(line)}: ${problem}`]
    }), [])
    for (const [program, by] of Object.entries(otherPrograms)) {
      assert.ok(spansOfProgram(program).length > 0, `no sentence names ${program}`)
      if ('test' in by) assert.ok(read(`test/${by.test}`).includes(program), by.test)
    }
  })

  test('in deploy/ are accepted', () => {
    const files = readdirSync(join(root, 'deploy'), { recursive: true, encoding: 'utf8' })
      .filter(name => /(Dockerfile|\.(service|txt|tpl|ya?ml))$/.test(name))
    const lines = files.flatMap(name => read(`deploy/${name}`).split('\n').flatMap(line => {
      const [, after] = /dist\/src\/orchestrator\/main\.js ([a-z].*)$/.exec(line) ?? []
      return after === undefined ? [] : [{ name, args: after.split(' ') }]
    }))
    assert.ok(lines.length >= 2, String(lines.length))
    assert.deepEqual(lines.flatMap(({ args, name }) => {
      const { problem } = tryArguments(args)
      return problem === undefined ? [] : [`${name}: ${problem}`]
    }), [])
    const [, build = ''] = /^#\s+(docker build .*)$/m.exec(read('deploy/docker/Dockerfile')) ?? []
    assert.ok(readPage('docs/operations.md').includes(`\n${build}\n`), build)
  })

  test('are looked at closely: each kind of mistake is found', () => {
    const mistakes: ReadonlyArray<readonly [block: string, problem: RegExp]> = [
      ['longhaul statsu FILE', /unknown command 'statsu'/],
      ['longhaul status FILE --topics x', /unknown option '--topics'/],
      ['npx longhaul pause FILE', /required option '--reason/],
      ['longhaul wait FILE --caught-up \\\n  --timeuot 1m', /unknown option '--timeuot'/],
      ['longhaul status FILE -o xml', /Allowed choices are table, json, yaml/],
      ['npm run packages', /no such script/],
      ['curl http://127.0.0.1:9584/ready', /no test requests/],
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
    for (const [test, expected] of [
      ['test/no.test.ts', /there is no test\/no\.test\.ts/],
      ['test/tidy.test.ts', /does not read page/]
    ] as const) {
      const block = '```sh\nkubectl get pods\n```\n'
      const [line] = linesOf('page', `<!-- run by: ${test} -->\n${block}`)
      assert.match(problemOf(line ?? assert.fail()) ?? '', expected)
    }
  })

  test('have a row only if the test of the row exists', () => {
    const others = Object.values(otherPrograms).flatMap(by => 'test' in by ? [by.test] : [])
    for (const file of [...Object.values(testOf), ...others]) {
      assert.ok(existsSync(join(root, 'test', file)), file)
    }
  })
})
