// Runs one job of the test suite (a C++ program, or a test file under node's test runner) as a
// process group with a time limit, keeps its output, and counts passed and failed tests in it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import { findOnPath } from '../setup/npm.mjs'

/** How long a stopped group may take to end its brokers before it is killed. */
const graceMs = 10_000
const running = new Set()

/**
 * A prefix of the command: it writes to descriptor 3 how much of the processors the command and
 * its children used, which node does not tell. It outlives a stop, as the command may take a while.
 */
const measured = ['sh', '-c', 'trap : TERM INT; "$@" 3>&-; code=$?; times >&3; exit $code', 'sh']

export function stopJobs (signal = 'SIGTERM') {
  for (const child of running) signalGroup(child, signal)
}

/**
 * @param {{ name: string, stage: string, command: string, args: string[], limitSeconds: number,
 *   nice?: number, mustCount?: boolean }} job mustCount: it prints how many tests ran
 */
export async function runJob (job, root) {
  const { name, stage } = job
  if (!existsSync(job.command)) {
    const output = `${name} is not built: npm run setup -- --with-sanitizers\n`
    const counts = { passed: 0, failed: 1, skipped: 0 }
    return { name, stage, ...counts, seconds: 0, cpuSeconds: 0, note: 'not built', output }
  }
  const startedAt = performance.now()
  const result = await runHere(job, root)
  return { name, stage, seconds: (performance.now() - startedAt) / 1000, ...result }
}

async function runHere (job, root) {
  const run = await spawnJob(job, job.command, job.args, root)
  const { cpuSeconds, output } = run
  if (!cannotMapMemory(output)) return { ...judge(job, run), cpuSeconds, output }
  // Old ThreadSanitizers fail with much address randomization, and work without it.
  const setarch = findOnPath('setarch')
  if (setarch === undefined || spawnSync(setarch, ['-R', 'true']).status !== 0) {
    return { passed: 0, failed: 0, skipped: 1, cpuSeconds, note: noSetarch, output }
  }
  const again = await spawnJob(job, setarch, ['-R', job.command, ...job.args], root)
  return { ...judge(job, again), cpuSeconds: again.cpuSeconds, output: output + again.output }
}

const noSetarch = 'skipped: ThreadSanitizer needs less address randomization than this kernel ' +
  'uses, and "setarch -R" is not permitted here (in a container: --security-opt ' +
  'seccomp=unconfined, or sysctl vm.mmap_rnd_bits=28 on the host)'

function cannotMapMemory (output) {
  return /ThreadSanitizer: (unexpected memory mapping|unable to disable ASLR|memory layout is inc)/
    .test(output)
}

/** The exit status decides; the counts are for the reader. */
export function judge (job, { code, output, timedOut }) {
  if (timedOut) {
    const note = `stopped after its limit of ${job.limitSeconds} s`
    return { passed: 0, failed: 1, skipped: 0, note }
  }
  const counted = countTests(output)
  if (code === 0 && counted === undefined && job.mustCount) {
    return { passed: 0, failed: 1, skipped: 0, note: 'ended before its tests' }
  }
  // A program without tests, such as a benchmark's smoke run, counts as one test.
  const counts = counted ?? { passed: 1, failed: 0, skipped: 0 }
  if (code !== 0 && counts.failed === 0) {
    return { passed: 0, failed: 1, skipped: counts.skipped, note: `exit status ${code}` }
  }
  const reason = skipReason(output)
  // Node counts no test of a suite that is skipped as a whole.
  return counts.passed + counts.failed === 0 && reason !== undefined
    ? { ...counts, skipped: Math.max(1, counts.skipped), note: `skipped: ${reason}` }
    : { ...counts, note: '' }
}

/** Of the first skipped test or suite in the output of node's spec reporter. */
function skipReason (output) {
  return /^ *﹣ .* # (?!SKIP$)(.+)$/m.exec(output)?.[1]
}

/** From the last lines of node's spec reporter or of doctest; undefined if there are none. */
export function countTests (text) {
  const number = (pattern) => Number(text.match(pattern)?.at(-1)?.match(/\d+/)?.[0] ?? Number.NaN)
  const passed = number(/^ℹ pass (\d+)$/mg)
  if (!Number.isNaN(passed)) {
    return {
      passed,
      failed: number(/^ℹ fail (\d+)$/mg) + number(/^ℹ cancelled (\d+)$/mg),
      skipped: number(/^ℹ skipped (\d+)$/mg)
    }
  }
  const cases = /test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped/
    .exec(text)
  if (cases === null) return undefined
  return { passed: Number(cases[1]), failed: Number(cases[2]), skipped: Number(cases[3]) }
}

function spawnJob ({ limitSeconds, nice = 0 }, command, args, root) {
  const env = { ...process.env }
  // Set if a test runner runs this process; a runner inside a runner prints unreadable output.
  delete env.NODE_TEST_CONTEXT
  const niceness = nice > 0 ? ['nice', '-n', String(nice)] : []
  const [program, ...rest] = [...measured, ...niceness, command, ...args]
  const child = spawn(program, rest, {
    cwd: root, env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true
  })
  running.add(child)
  const chunks = []
  const times = []
  let timedOut = false
  child.stdout.on('data', (chunk) => chunks.push(chunk))
  child.stderr.on('data', (chunk) => chunks.push(chunk))
  child.stdio[3].on('data', (chunk) => times.push(chunk))
  const limit = setTimeout(() => {
    timedOut = true
    signalGroup(child, 'SIGTERM')
    setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs).unref()
  }, limitSeconds * 1000)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    // A broker that outlived its test may still hold the pipes, in another group.
    child.on('exit', () => setTimeout(() => closePipes(child), graceMs).unref())
    child.on('close', (code, signal) => {
      clearTimeout(limit)
      running.delete(child)
      const output = stripColours(Buffer.concat(chunks).toString('utf8'))
      const cpuSeconds = readTimes(Buffer.concat(times).toString('utf8'))
      resolve({ code: signal ?? signalOrCode(code), cpuSeconds, output, timedOut })
    })
  })
}

function signalGroup (child, signal) {
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group has already ended.
  }
}

function closePipes (child) {
  for (const pipe of child.stdio) pipe?.destroy()
}

/** The sum of the times that `times` of a shell prints, such as 1m2.5s. */
export function readTimes (text) {
  return [...text.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (total, [, minutes, seconds]) => total + Number(minutes) * 60 + Number(seconds), 0)
}

/** A shell reports that a signal ended its command as 128 and the signal's number. */
function signalOrCode (code) {
  const found = Object.entries(os.constants.signals).find(([, number]) => code === 128 + number)
  return found?.[0] ?? code
}

function stripColours (text) {
  return text.replace(/\u001b\[[0-9;]*m/g, '')
}
