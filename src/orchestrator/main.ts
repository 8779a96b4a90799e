#!/usr/bin/env node
// Start, signals, exit status; nothing else.
import { setMaxListeners } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { signalExitCodes } from './cli/exit-codes.ts'
import { titleWithoutSecrets } from './cli/process-title.ts'
import { exitNow, exitWithoutClosedTerminal } from './cluster/native-exit.ts'
import { limitHeapGrowth } from './lanes/heap-growth.ts'
import { startedText } from './service/daemon.ts'
import { systemClock } from './time/clock.ts'

const parentCheckMs = 500
// Before this, output is written and clients are closed; only a client that does not close needs
// longer.
const lingerMsMax = 500

// Before the modules of the program are loaded: else they let the new space grow to 16 MB, which it
// keeps until the first collection of the whole heap, minutes later. The addon, which native-exit
// imports, is loaded before them, too: malloc then has four arenas at most, and eight if not.
limitHeapGrowth()
const program = import('./cli/program.ts')
const title = titleWithoutSecrets(process.argv)
if (title !== undefined) process.title = title

exitWithoutClosedTerminal()
// A terminal that has closed answers each write with EIO, and a pipe whose reader has ended with
// EPIPE. The error would end the process before its batches in flight are acknowledged. SIGHUP
// stops it without a terminal; nobody reads the result of a command without a reader of stdout.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EIO' && error.code !== 'EPIPE') throw error
    if (error.code === 'EPIPE' && output === process.stdout) stopping.abort()
  })
}

function hasLostTerminal (): boolean {
  if (!process.stderr.isTTY && !process.stdin.isTTY) return false
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return false
  } catch {
    return true
  }
}

/** Keys arrive one by one, and Ctrl-C is one of them, until the returned function is called. */
function readKeys (listener: (key: string) => void): () => void {
  const onData = (data: Buffer): void => { listener(data.toString()) }
  process.stdin.setRawMode(true).on('data', onData).resume()
  return () => { process.stdin.setRawMode(false).off('data', onData).pause() }
}

/** Tells the parent that waits for the start of this process. */
function tellParent (): void {
  if (process.send === undefined || !process.connected) return
  // A parent that was killed meanwhile does not matter.
  process.send(startedText, () => { if (process.connected) process.disconnect() })
}

const stopping = new AbortController()
// Each partition that a command reads listens to the signal; Node warns of more than ten listeners.
setMaxListeners(Infinity, stopping.signal)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) exitNow(signalExitCodes[signal])
    stopping.abort()
  })
}

let onHangUp = (): void => { stopping.abort() }
process.on('SIGHUP', () => {
  // A closed terminal ends the programs that run in it.
  if (hasLostTerminal()) stopping.abort()
  else onHangUp()
})

// Under `npx` and `npm run` a signal reaches npm's shell, which ends without passing the signal on.
// This process then has another parent, and stops.
if (process.env['npm_execpath'] !== undefined) {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) stopping.abort()
  }, parentCheckMs).unref()
}

const { runProgram } = await program
const exitCode = await runProgram(process.argv, {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  clock: systemClock,
  stopped: stopping.signal,
  command: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
  onStarted: tellParent,
  onHangUp: listener => { onHangUp = listener },
  ...process.stdin.isTTY && { onKey: readKeys }
})

// A closed node-rdkafka client may keep the process alive for ever: seen in processes that were
// stopped seconds after they had joined a group. The timer does not keep the process alive.
setTimeout(() => exitNow(exitCode), lingerMsMax).unref()
process.exitCode = exitCode
