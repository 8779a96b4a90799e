// npm run chaos -- --minutes M --seed S: carries out faults while a mirror runs, watches which
// partitions are stalled, and then counts lost, doubled, reordered and altered records. Exit status
// 1 if there are any, if a partition was stalled longer than the faults explain, or if a process
// crashed or did not stop.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import { longhaul, mirrorMaker, type ChaosContender } from './chaos-contender.ts'
import {
  appendReport, isFlawless, renderForTerminal, writeJson, type ChaosReport
} from './chaos-report.ts'
import { runChaos, scheduleOf, type ChaosSettings } from './chaos-run.ts'
import { describeFault } from './schedule.ts'

interface Options {
  readonly minutes: number
  readonly seed: number
  readonly processes: number
  readonly brokers: '1' | '3'
  readonly rate: number
  readonly contender: 'longhaul' | 'mirror-maker'
  readonly exactlyOnce: boolean
  readonly append: boolean
}

function parseNumber (text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new InvalidArgumentError('not a number above 0')
  return number
}

function contenderOf ({ contender, exactlyOnce }: Options): ChaosContender {
  return contender === 'longhaul' ? longhaul : mirrorMaker(exactlyOnce)
}

async function chaos (options: Options): Promise<void> {
  const startedAt = new Date()
  const stamp = startedAt.toISOString().slice(0, 19).replaceAll(':', '')
  const folder = join(repoRoot(), '.cache/chaos', `${stamp}-${options.seed}`)
  mkdirSync(folder, { recursive: true })
  const say = (text: string): void => {
    const seconds = ((Date.now() - startedAt.getTime()) / 1000).toFixed(1).padStart(7)
    process.stderr.write(`chaos: ${seconds} s  ${text}\n`)
  }
  const settings: ChaosSettings = {
    minutes: options.minutes,
    seed: options.seed,
    processes: options.processes,
    brokers: options.brokers === '1' ? 1 : 3,
    recordsPerSecond: options.rate,
    contender: contenderOf(options),
    folder,
    say
  }
  const outcome = await runChaos(settings)
  const command = `npm run chaos -- ${process.argv.slice(2).join(' ')}`
  const report: ChaosReport = { settings, outcome, command, startedAt }
  process.stdout.write(`seed ${options.seed}\n` +
    `${outcome.schedule.map(describeFault).join('\n')}\n${renderForTerminal(report)}\n` +
    `${writeJson(report)}\n`)
  if (options.append) process.stdout.write(`${appendReport(report)}\n`)
  process.exitCode = isFlawless(outcome) ? 0 : 1
}

const program = new Command('chaos')
  .description('Puts a mirror through faults and checks every record on both sides.')
  .option('--minutes <count>', 'of load and faults', parseNumber, 5)
  .option('--seed <number>', 'repeats a schedule', parseNumber, Date.now() % 100_000)
  .option('--processes <count>', 'of the mirror', parseNumber, 3)
  .addOption(new Option('--brokers <count>', 'a cluster').choices(['1', '3']).default('3'))
  .option('--rate <count>', 'records a second', parseNumber, 400)
  .addOption(new Option('--contender <name>', 'the mirror to test')
    .choices(['longhaul', 'mirror-maker']).default('longhaul'))
  .option('--exactly-once', 'MirrorMaker 2 in its exactly-once mode', false)
  .option('--append', 'add the run to perf/results/chaos.md', false)
  .option('--plan', 'print the schedule and end', false)
  .action(async (options: Options & { readonly plan: boolean }) => {
    if (!options.plan) await chaos(options)
    else process.stdout.write(`${plan(options)}\n`)
  })

function plan (options: Options): string {
  const { seed, minutes, processes, brokers, rate } = options
  const size = { seed, minutes, processes, recordsPerSecond: rate, contender: contenderOf(options) }
  return scheduleOf({ ...size, brokers: brokers === '1' ? 1 : 3 }).map(describeFault).join('\n')
}

// If a run is interrupted, the exit hook of the process guard ends its brokers and mirrors.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`chaos: ${(error as Error).stack ?? String(error)}\n`)
  process.exitCode = 1
}
