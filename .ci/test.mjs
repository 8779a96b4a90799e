// Runs the test suite and ends with `N passed, N failed`.
// Usage: npm test -- [WORD...] [--test-name-pattern=...]
//   --fast       npm run test:fast: no broker, no sanitizer
//   --long       npm run test:long: *.long.test.ts
//   --versions   npm run test:versions: *.versions.test.ts
// A WORD selects the test files whose path, and the programs whose name, contains it; other
// arguments that begin with -- are passed to node's test runner. LONGHAUL_TEST_JOBS: how many jobs
// run at a time. LONGHAUL_TEST_ATTEMPTS=2: files that failed run once more, alone, at the end.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runJob, stopJobs } from './test-run/job.mjs'
import { readAttempts, runSecondAttempts } from './test-run/second-attempt.mjs'
import { chooseSlots, readSeconds, runInSlots, writeSeconds } from './test-run/slots.mjs'
import { printResult, printSecondAttempt, printTables } from './test-run/summary.mjs'
import { listTestFiles } from './test-run/test-files.mjs'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const outputFolder = join(root, '.cache/test')
const secondsFile = join(outputFolder, 'seconds.json')

/**
 * The longest simulations run in one thread, where ThreadSanitizer has nothing to find: the other
 * two builds run them.
 */
const ofOneThread = ['fetch_channels', 'hung_broker', 'partition_moves', 'simulation',
  'stripe_fetcher'].map((name) => `*${name}_test.cc`).join()

/** The C++ programs: names as in binding.gyp, arguments, how long they may take. */
const programs = [
  { name: 'dataplane_test', args: [], limitSeconds: 900, expectedSeconds: 30 },
  { name: 'dataplane_test_asan', args: [], limitSeconds: 1500, expectedSeconds: 90 },
  {
    name: 'dataplane_test_tsan',
    args: [`--source-file-exclude=${ofOneThread}`],
    limitSeconds: 1500,
    expectedSeconds: 120
  },
  { name: 'native_bench', args: ['--smoke'], limitSeconds: 300, expectedSeconds: 5 }
]

/** One row for each kind of test file. */
const kinds = {
  unit: { limitSeconds: 600, expectedSeconds: 5 },
  cluster: { limitSeconds: 1500, expectedSeconds: 60 },
  long: { limitSeconds: 7200, expectedSeconds: 600 },
  versions: { limitSeconds: 7200, expectedSeconds: 3000 }
}

/** Which programs and which kinds of files each command runs; `slots`: how many at a time. */
const selections = {
  all: { programs: programs.map(({ name }) => name), kinds: ['unit', 'cluster'] },
  // Without brokers these files wait rather than compute: more at a time than there are processors.
  fast: { programs: ['dataplane_test', 'native_bench'], kinds: ['unit'], slots: 4 },
  long: { programs: [], kinds: ['long'] },
  versions: { programs: [], kinds: ['versions'] }
}

const { options, selection, words } = parse(process.argv.slice(2))

function parse (args) {
  const own = args.find((arg) => ['--fast', '--long', '--versions'].includes(arg))
  return {
    selection: selections[own?.slice(2) ?? 'all'],
    options: args.filter((arg) => arg.startsWith('--') && arg !== own),
    words: args.filter((arg) => !arg.startsWith('--'))
  }
}

function plan () {
  const files = listTestFiles(root)
  const native = programs.filter(({ name }) => selection.programs.includes(name))
    // The other jobs have priority: their tests also wait, and have time limits.
    .map((program) => ({
      ...program, stage: 'c++', command: join(root, 'build/Release', program.name), nice: 10
    }))
  const node = selection.kinds.flatMap((kind) => files[kind].map((file) => ({
    ...kinds[kind],
    name: file.replace(/^dist\/test\//, '').replace(/\.test\.js$/, ''),
    stage: kind,
    mustCount: true,
    command: process.execPath,
    // Without --test: that starts a second process for each file, which costs as much as a small
    // file.
    args: ['--test-reporter=spec', ...options, file]
  })))
  return [...native, ...node].filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word)))
}

async function main () {
  const jobs = plan()
  if (jobs.length === 0) {
    console.error(`longhaul: no test matches ${words.join(' ')}`)
    return 1
  }
  const attempts = readAttempts(process.env.LONGHAUL_TEST_ATTEMPTS)
  mkdirSync(outputFolder, { recursive: true })
  const lastSeconds = readSeconds(secondsFile)
  const startedAt = performance.now()
  const run = (job) => runJob(job, root)
  const firstResults = await runInSlots(jobs, {
    ...chooseSlots({ usual: selection.slots }),
    lastSeconds,
    run,
    onEnd: (result) => {
      writeOutput(result, '')
      printResult(result, words.length > 0)
    }
  })
  const results = await runSecondAttempts(firstResults, {
    attempts,
    jobs,
    run,
    onEnd: (first, second) => {
      writeOutput(second, '-second-attempt')
      printSecondAttempt(first, second)
    }
  })
  writeSeconds(secondsFile, lastSeconds, results)
  return printTables(results, (performance.now() - startedAt) / 1000) ? 0 : 1
}

function writeOutput ({ name, output }, suffix) {
  writeFileSync(join(outputFolder, `${name.replaceAll('/', '-')}${suffix}.log`), output)
}

for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15]]) {
  process.on(signal, () => {
    stopJobs()
    process.exit(128 + number)
  })
}
process.exitCode = await main()
