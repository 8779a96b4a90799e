// Runs the whole test suite, stage by stage, and ends with `N passed, N failed`.
// Usage: npm test -- [WORD...] [--test-name-pattern=...]
// A WORD keeps the test files whose path, and the programs whose name, contains it; what begins
// with -- goes to node's test runner.
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { listFiles } from './setup/stamp.mjs'
import { runStage, stopStage } from './test-run/stage.mjs'
import { printTable } from './test-run/summary.mjs'

const root = resolve(fileURLToPath(import.meta.url), '../..')

/** The C++ programs: names as in binding.gyp, arguments, how long they may take. */
const programs = [
  { name: 'dataplane_test', args: [], limitSeconds: 120 },
  { name: 'dataplane_test_asan', args: [], limitSeconds: 300 },
  { name: 'dataplane_test_tsan', args: [], limitSeconds: 300 },
  { name: 'native_bench', args: ['--smoke'], limitSeconds: 60 }
]

/** Tests that start clusters of JVMs: one file at a time, or they starve each other. */
const clusterFolders = /^dist\/test\/(integration|integrity|kafka)\//

/** One row a stage of node's test runner; a test file has a limit of its own within the stage's. */
const suites = [
  {
    name: 'unit',
    takes: (file) => !clusterFolders.test(file),
    concurrency: Math.min(2, availableParallelism()),
    fileLimitSeconds: 120,
    limitSeconds: 600
  },
  {
    name: 'cluster',
    takes: (file) => clusterFolders.test(file),
    concurrency: 1,
    fileLimitSeconds: 600,
    limitSeconds: 2400
  }
]

/** Both write to the same place: node wants one named for each. */
const reporters = ['spec', join(root, '.ci/test-run/death-reporter.mjs')].flatMap((reporter) =>
  [`--test-reporter=${reporter}`, '--test-reporter-destination=stdout'])

const words = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const runnerOptions = process.argv.slice(2).filter((arg) => arg.startsWith('--'))
const isWanted = (name) => words.length === 0 || words.some((word) => name.includes(word))

function stages () {
  const files = listFiles(root, ['dist/test'], (name) => name.endsWith('.test.js'))
    .filter(isWanted)
  const native = programs.filter(({ name }) => isWanted(name)).map((program) => ({
    name: program.name,
    kind: 'program',
    command: join(root, 'build/Release', program.name),
    args: program.args,
    limitSeconds: program.limitSeconds
  }))
  const node = suites.map((suite) => ({ ...suite, files: files.filter(suite.takes) }))
    .filter((suite) => suite.files.length > 0)
    .map((suite) => ({
      name: suite.name,
      kind: 'suite',
      command: process.execPath,
      args: [
        '--test', ...reporters, `--test-concurrency=${suite.concurrency}`,
        `--test-timeout=${suite.fileLimitSeconds * 1000}`, ...runnerOptions, ...suite.files
      ],
      limitSeconds: suite.limitSeconds
    }))
  return [...native, ...node]
}

async function main () {
  const planned = stages()
  if (planned.length === 0) {
    console.error(`longhaul: no test matches ${words.join(' ')}`)
    return 1
  }
  const results = []
  for (const stage of planned) {
    console.log(`\n== ${stage.name}`)
    results.push(await runStage(stage, root))
  }
  return printTable(results) ? 0 : 1
}

for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15]]) {
  process.on(signal, () => {
    stopStage()
    process.exit(128 + number)
  })
}
process.exitCode = await main()
