// Runs one stage of the test suite as a process group with a time limit, passes its output through,
// and counts passed and failed tests from what it printed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { findOnPath } from '../setup/npm.mjs'

/** What a stopped group gets to end its brokers before it is killed. */
const graceMs = 10_000
/** The counts stand at the end of the output; the rest need not be kept. */
const tailBytes = 64 * 1024

let current

export function stopStage (signal = 'SIGTERM') {
  if (current === undefined) return
  try {
    process.kill(-current.pid, signal)
  } catch {
    // The group is gone already.
  }
}

export async function runStage (stage, root) {
  if (stage.kind === 'program' && !existsSync(stage.command)) {
    console.log(`${stage.name} is not built: npm run setup -- --with-java`)
    return { name: stage.name, passed: 0, failed: 1, skipped: 0, seconds: 0, note: 'not built' }
  }
  const startedAt = performance.now()
  let run = await spawnStage(stage, stage.command, stage.args, root)
  // Old ThreadSanitizers cannot live with much address randomization; without it they can.
  const setarch = findOnPath('setarch')
  if (/ThreadSanitizer: unexpected memory mapping/.test(run.tail) && setarch !== undefined) {
    run = await spawnStage(stage, setarch, ['-R', stage.command, ...stage.args], root)
  }
  const seconds = (performance.now() - startedAt) / 1000
  return { name: stage.name, seconds, ...judge(stage, run) }
}

/** The exit status is the judge; the counts are for the reader. */
export function judge (stage, { code, tail, timedOut }) {
  if (timedOut) {
    const note = `stopped after its limit of ${stage.limitSeconds} s`
    return { passed: 0, failed: 1, skipped: 0, note }
  }
  // A program without tests in it, such as a benchmark's smoke run, is one test by itself.
  const counts = countTests(tail) ?? { passed: 1, failed: 0, skipped: 0 }
  if (code !== 0 && counts.failed === 0) {
    return { passed: 0, failed: 1, skipped: counts.skipped, note: `exit status ${code}` }
  }
  return { ...counts, note: '' }
}

/** From the last lines of node's spec reporter or of doctest; undefined where there are none. */
export function countTests (text) {
  const number = (pattern) => Number(pattern.exec(text)?.[1] ?? Number.NaN)
  const passed = number(/^ℹ pass (\d+)$/m)
  if (!Number.isNaN(passed)) {
    return {
      passed,
      failed: number(/^ℹ fail (\d+)$/m) + number(/^ℹ cancelled (\d+)$/m),
      skipped: number(/^ℹ skipped (\d+)$/m)
    }
  }
  const cases = /test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped/
    .exec(text)
  if (cases === null) return undefined
  return { passed: Number(cases[1]), failed: Number(cases[2]), skipped: Number(cases[3]) }
}

function spawnStage (stage, command, args, root) {
  const env = { ...process.env }
  // Set when a test runner starts us; a runner inside a runner would print nothing readable.
  delete env.NODE_TEST_CONTEXT
  const child = spawn(command, args, {
    cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true
  })
  current = child
  let tail = ''
  let timedOut = false
  const keep = (chunk, out) => {
    out.write(chunk)
    tail = (tail + chunk.toString()).slice(-tailBytes)
  }
  child.stdout.on('data', (chunk) => keep(chunk, process.stdout))
  child.stderr.on('data', (chunk) => keep(chunk, process.stderr))
  const limit = setTimeout(() => {
    timedOut = true
    stopStage('SIGTERM')
    setTimeout(() => stopStage('SIGKILL'), graceMs).unref()
  }, stage.limitSeconds * 1000)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    // A broker that outlived its test may still hold the pipes, in a group of its own.
    child.on('exit', () => setTimeout(() => closePipes(child), graceMs).unref())
    child.on('close', (code, signal) => {
      clearTimeout(limit)
      current = undefined
      resolve({ code: code ?? signal, tail: stripColours(tail), timedOut })
    })
  })
}

function closePipes (child) {
  child.stdout.destroy()
  child.stderr.destroy()
}

function stripColours (text) {
  return text.replace(/\u001b\[[0-9;]*m/g, '')
}
