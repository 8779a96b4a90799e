// Runs one set-up step: one line on the terminal, the output of its commands in a log file, and for
// a failed step three things: the end of the log, the path of the rest, the way out.
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const tailLines = 40
/** Thirty lines of node-gyp about itself, which would hide the cause. */
const chatter = /^(npm error )?gyp info/
const children = new Set()

export class SetupError extends Error {
  /** @param {string} wayOut what the user should do next */
  constructor (message, { wayOut, logFile } = {}) {
    super(message)
    this.wayOut = wayOut
    this.logFile = logFile
  }
}

export async function runStep (step, why, context) {
  mkdirSync(context.logDir, { recursive: true })
  const logFile = join(context.logDir, `${step.name.replaceAll(' ', '-')}.log`)
  writeFileSync(logFile, '')
  process.stderr.write(`longhaul: ${step.name} (${why}) ...`)
  const startedAt = performance.now()
  try {
    await step.run(context, logFile)
  } catch (error) {
    process.stderr.write(' failed\n')
    throw error
  }
  process.stderr.write(` ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`)
}

/** Runs a command with its output appended to logFile; rejects with a SetupError naming wayOut. */
export function runLogged (command, args, { logFile, wayOut, cwd, env = process.env }) {
  const log = openSync(logFile, 'a')
  writeFileSync(log, `$ ${[command, ...args].join(' ')}\n`)
  const [program, ...rest] = command === process.execPath ? args : [command, ...args]
  const shown = [basename(program), ...rest].join(' ')
  // A separate process group, so that stopChildren also reaches the compilers of make.
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  children.add(child)
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      children.delete(child)
      reject(new SetupError(`cannot start ${shown}: ${error.message}`, { wayOut, logFile }))
    })
    child.on('exit', (code, signal) => {
      children.delete(child)
      if (code === 0) return resolve()
      const how = signal === null ? `exit status ${code}` : `signal ${signal}`
      reject(new SetupError(`${shown}: ${how}`, { wayOut, logFile }))
    })
  })
}

export function stopChildren () {
  for (const child of children) {
    try {
      process.kill(-child.pid, 'SIGTERM')
    } catch {
      // The process has ended meanwhile.
    }
  }
}

export function printFailure (error) {
  if (!(error instanceof SetupError)) throw error
  const lines = ['', `longhaul: set-up failed: ${error.message}`]
  if (error.logFile !== undefined) {
    const log = hideHosts(readFileSync(error.logFile, 'utf8')).trimEnd().split('\n')
      .filter((line) => !chatter.test(line))
    lines.push(...log.slice(-tailLines).map((line) => `  | ${line}`))
    lines.push(`whole log: ${error.logFile}`)
  }
  if (error.wayOut !== undefined) lines.push(`way out: ${error.wayOut}`)
  console.error(lines.join('\n'))
}

/** Users paste failures into public places, and package mirrors are often private. */
export function hideHosts (text) {
  return text.replace(/https?:\/\/[^/\s'"]+/g, '<registry>')
}
