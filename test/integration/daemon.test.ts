// A process without systemd: in the background, with a log file that is rotated and a pid file, and
// in a terminal that closes.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { eventually } from '../kafka/eventually.ts'
import { isAlive, spawnGuarded, stopChild } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { createPropertiesFile, runCommand } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const longMs = 60_000
const program = join(repoRoot(), 'dist/src/orchestrator/main.js')
/** Under npm a process ends with its parent. */
const withoutNpm = { ...process.env, npm_execpath: undefined }

describe('a process without systemd', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  function createFiles (t: TestContext, settings: Readonly<Record<string, string>> = {}) {
    const file = createPropertiesFile(t,
      { ...flowProperties(clusters, { topics: 'nothing' }), ...settings })
    const folder = dirname(file)
    const log = join(folder, 'longhaul.log')
    const pidFile = join(folder, 'longhaul.pid')
    const args = ['run', file, '--daemon', '--log-file', log, '--pid-file', pidFile]
    t.after(async () => {
      const pid = pidIn(pidFile)
      if (pid === undefined || !isAlive(pid)) return
      process.kill(pid, 'SIGKILL')
      await eventually('the end of the process', () => !isAlive(pid), { timeoutMs: longMs })
    })
    return { args, file, log, pidFile }
  }

  test('returns when its flows run, follows its renamed log, and removes its pid file', async t => {
    const { args, file, log, pidFile } = createFiles(t)
    // Of a process that was killed: no process has this id.
    writeFileSync(pidFile, '4194305\n')
    const { exit, stdout, stderr } = await runCommand(args, { npm_execpath: '/usr/bin/npm' })
    assert.deepEqual(exit, { code: 0, signal: null }, stderr)
    const pid = pidIn(pidFile) ?? 0
    assert.equal(stdout, `longhaul runs as process ${pid}; its log is ${log}`)
    assert.match(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), /run/)
    const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3]
    assert.equal(session, String(pid), 'it leads its own session')
    const url = /"url":"([^"]+)"/.exec(readFileSync(log, 'utf8'))?.[1]
    await eventually('readiness', async () => (await fetch(`${url}/readyz`)).status === 200,
      { timeoutMs: longMs })

    const second = await runCommand(args)
    assert.equal(second.exit.code, 3)
    assert.match(second.stderr, new RegExp(`longhaul.pid belongs to process ${pid}, which runs`))
    assert.equal(pidIn(pidFile), pid)

    renameSync(log, `${log}.1`)
    const rotatedBytes = statSync(`${log}.1`).size
    await eventually('a second', () => Date.now() - statSync(`${log}.1`).mtimeMs > 1_100)
    writeFileSync(file, readFileSync(file, 'utf8').replace('nothing', 'other'))
    // No terminal: SIGHUP reloads.
    process.kill(pid, 'SIGHUP')
    await eventually('the reload in the new file', () =>
      existsSync(log) && /"changes":/.test(readFileSync(log, 'utf8')),
    { timeoutMs: longMs })
    assert.equal(statSync(`${log}.1`).size, rotatedBytes)

    process.kill(pid, 'SIGTERM')
    await eventually('the end of the process', () => !isAlive(pid), { timeoutMs: longMs })
    assert.match(readFileSync(log, 'utf8'), /"text":"stopped"/)
    assert.ok(!existsSync(pidFile))
  })

  test('shows the end of its log and its exit code if no flow can start', async t => {
    const { args, log, pidFile } = createFiles(t, { 'west.bootstrap.servers': '127.0.0.1:1' })
    writeFileSync(log, 'a line of last week\n')
    const { exit, stdout, stderr } = await runCommand(args)
    assert.equal(exit.code, 3, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, /no flow could start: the process ends/)
    assert.match(stderr, /error: process \d+ ended with exit code 3 before it had started/)
    assert.doesNotMatch(stderr, /last week/)
    assert.ok(!existsSync(pidFile))
  })

  test('shows what is wrong with its file, and needs a log file', async t => {
    const { args, file } = createFiles(t, { 'lanes': 'many' })
    const wrong = await runCommand(args)
    assert.equal(wrong.exit.code, 2)
    assert.match(wrong.stderr, /error: .*lanes/)
    const unlogged = await runCommand(['run', file, '--daemon'])
    assert.equal(unlogged.exit.code, 2)
    assert.match(unlogged.stderr, /--daemon needs --log-file/)
  })

  // The kernel sends SIGHUP to the first program of a closed terminal. A reload would leave a
  // mirror that nobody sees, because SIGHUP ends other programs. Regression: the process wrote its
  // summary to the terminal, which was an uncaught EIO, and Node then aborted because it could not
  // restore the settings of the terminal. The log ended with "stopped" all the same.
  test('ends cleanly when its terminal closes', async t => {
    const { file, log, pidFile } = createFiles(t)
    const command = [process.execPath, program, 'run', file, '--pid-file', pidFile,
      '--log-file', log].join(' ')
    const statusFile = `${log}.status`
    // As a login shell does it: passes SIGHUP on and outlives the process, whose status it reports.
    const shell = `trap 'kill -HUP $pid' HUP; ${command} & pid=$!; wait $pid; status=$?; ` +
      `[ $status -lt 128 ] || { wait $pid; status=$?; }; echo $status > ${statusFile}`
    // script opens a terminal, runs the shell in it, and closes it at its own end.
    const terminal = spawnGuarded('script', ['-q', '-e', '-c', shell, '/dev/null'],
      { stdio: ['pipe', 'ignore', 'ignore'], env: withoutNpm })
    t.after(async () => { await stopChild(terminal, longMs) })
    const pid = await eventually('the process', () => pidIn(pidFile), { timeoutMs: longMs })
    await eventually('running flows', () => /"url":/.test(readFileSync(log, 'utf8')),
      { timeoutMs: longMs })
    // A reload of a process that has a terminal: the terminal is still there.
    process.kill(pid, 'SIGHUP')
    await eventually('the reload', () => /"changes":/.test(readFileSync(log, 'utf8')),
      { timeoutMs: longMs })
    terminal.kill('SIGKILL')
    await eventually('the end of the process', () => !isAlive(pid), { timeoutMs: longMs })
    assert.match(readFileSync(log, 'utf8'), /"drained":true.*"text":"stopped"/)
    assert.ok(!existsSync(pidFile))
    await eventually('the exit status', () =>
      existsSync(statusFile) && readFileSync(statusFile, 'utf8') !== '', { timeoutMs: longMs })
    assert.equal(readFileSync(statusFile, 'utf8'), '0\n')
  })

  // Regression: the next line of the log was an uncaught EPIPE, which ended the process before its
  // batches in flight were acknowledged.
  test('runs on, and stops cleanly, if the reader of its log has ended', async t => {
    const { file, pidFile } = createFiles(t)
    const child = spawnGuarded(process.execPath, [program, 'run', file, '--pid-file', pidFile],
      { stdio: ['ignore', 'ignore', 'pipe'], env: withoutNpm })
    t.after(async () => { await stopChild(child, longMs) })
    const ended = once(child, 'exit')
    const url = await new Promise<string>(resolve => {
      let log = ''
      child.stderr?.on('data', (data: Buffer) => {
        log += data.toString()
        const found = /"url":"([^"]+)"/.exec(log)?.[1]
        if (found !== undefined) resolve(found)
      })
    })
    child.stderr?.destroy()
    process.kill(child.pid ?? 0, 'SIGHUP')
    await eventually('readiness', async () => (await fetch(`${url}/readyz`)).status === 200,
      { timeoutMs: longMs })
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
    assert.ok(!existsSync(pidFile))
  })
})

function pidIn (file: string): number | undefined {
  if (!existsSync(file)) return undefined
  const pid = Number(readFileSync(file, 'utf8'))
  return pid > 0 ? pid : undefined
}
