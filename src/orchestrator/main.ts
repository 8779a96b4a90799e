#!/usr/bin/env node
// Start, signals, exit status; nothing else.
import { Command } from 'commander'
import { librdkafkaVersion } from '../dataplane/index.ts'
import { addConfigOptions, type ConfigOptions } from './cli/configure.ts'
import { exitCodes, signalExitCodes } from './cli/exit-codes.ts'
import { run } from './cli/run.ts'
import type { Terminal } from './cli/terminal.ts'
import { validate } from './cli/validate.ts'
import { systemClock } from './time/clock.ts'
import { version } from './version.ts'

const parentCheckMs = 500

const stopping = new AbortController()
const terminal: Terminal = {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  clock: systemClock,
  stopped: stopping.signal
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(signalExitCodes[signal])
    stopping.abort()
  })
}

// Under `npx` and `npm run` a signal reaches npm's shell, which dies of it without a word to us. That
// we have another parent then is how we notice.
if (process.env['npm_execpath'] !== undefined) {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) stopping.abort()
  }, parentCheckMs).unref()
}

const program = new Command('longhaul')
  .description('Mirrors Apache Kafka clusters by forwarding record batches as they are stored.')
  .version(`${version} (librdkafka ${librdkafkaVersion})`)
  .exitOverride(error => {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage)
  })

addConfigOptions(program.command('run').description('mirror until told to stop'))
  .action(async (file: string, options: ConfigOptions) => {
    process.exitCode = await run(file, options, terminal)
  })

addConfigOptions(program.command('validate')
  .description('check a file and its clusters and say what would be mirrored'))
  .action(async (file: string, options: ConfigOptions) => {
    process.exitCode = await validate(file, options, terminal)
  })

await program.parseAsync()
