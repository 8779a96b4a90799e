// The micro-benchmarks of the data plane.
// Usage: npm run bench -- [--filter NAME]
//   --check    counts instructions with valgrind's callgrind instead of measuring time, and names
//              each benchmark that needs 10 % more of them than native-bench/instructions.json says
//   --update   writes the counts into that file
// Counts are the same in each run and on a busy machine, but not with another compiler: then
// --check says so and compares nothing.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareCounts, readTotal } from './bench/instruction-counts.mjs'
import { findOnPath } from './setup/npm.mjs'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const program = join(root, 'build/Release/native_bench')
const countsFile = join(root, 'native-bench/instructions.json')
/** The function of native-bench/main.cc that holds one call of each benchmark. */
const counted = 'LonghaulCountedCall'

const args = process.argv.slice(2)
process.exitCode = args.includes('--check') || args.includes('--update') ? check() : measure()

function measure () {
  const { status } = spawnSync(program, args, { stdio: 'inherit' })
  return status ?? 1
}

function check () {
  const valgrind = findOnPath('valgrind')
  if (valgrind === undefined) return skip('valgrind is not installed: apt-get install valgrind')
  const tools = { compiler: versionOf('c++'), valgrind: versionOf(valgrind), machine: process.arch }
  const committed = existsSync(countsFile) ? JSON.parse(readFileSync(countsFile, 'utf8')) : {}
  if (!args.includes('--update')) {
    const other = Object.keys(tools).find((name) => tools[name] !== committed.tools?.[name])
    if (other !== undefined) {
      return skip(`the counts are of ${committed.tools?.[other]}, and this is ${tools[other]}`)
    }
  }
  const counts = countInstructions(valgrind)
  if (counts === undefined) return 1
  if (args.includes('--update')) {
    writeFileSync(countsFile, `${JSON.stringify({ tools, counts }, undefined, 2)}\n`)
    console.log(`bench: ${Object.keys(counts).length} counts written to ${countsFile}`)
    return 0
  }
  const { lines, failed } = compareCounts(committed.counts, counts)
  console.log(lines.join('\n'))
  return failed ? 1 : 0
}

/** Instructions of one call, by the name of the benchmark. */
function countInstructions (valgrind) {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-bench-'))
  try {
    const profile = join(folder, 'profile')
    const { status, stdout, stderr } = spawnSync(valgrind, [
      '--tool=callgrind', `--callgrind-out-file=${profile}`, '--collect-atstart=no',
      `--toggle-collect=${counted}`, `--dump-after=${counted}`, program, '--counted'
    ], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    if (status !== 0) {
      console.error(`bench: native_bench under callgrind ended with ${status}:\n${stderr}`)
      return undefined
    }
    // The profiles have numbers in the order of the calls, as the names have lines.
    return Object.fromEntries(stdout.trimEnd().split('\n').map((name, index) =>
      [name, readTotal(readFileSync(`${profile}.${index + 1}`, 'utf8'))]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function versionOf (command) {
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return (stdout ?? '').split('\n')[0]
}

function skip (reason) {
  console.log(`bench: not checked: ${reason}`)
  return 0
}
