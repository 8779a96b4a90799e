// The outcome of a chaos run: for the terminal, as JSON, and as a section of perf/results/chaos.md.
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Table from 'cli-table3'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import type { ChaosOutcome, ChaosSettings } from './chaos-run.ts'
import { totalsOf, type Totals } from './side-check.ts'

export interface ChaosReport {
  readonly settings: ChaosSettings
  readonly outcome: ChaosOutcome
  readonly command: string
  readonly startedAt: Date
}

/**
 * Every record once, in order, unchanged; no process that crashed or had to be killed; and no
 * partition that was stalled for longer than the faults of that time explain.
 */
export function isFlawless (outcome: ChaosOutcome): boolean {
  const { lost, doubled, reordered, altered } = totalsOf(outcome.findings)
  const flaws = lost + doubled + reordered + altered + outcome.crashes + forced(outcome.exitCodes)
  return flaws === 0 && outcome.catchUpSeconds !== undefined && outcome.liveness.secondsBeyond === 0
}

/** Stops for which SIGTERM was not enough. */
function forced (exitCodes: ChaosOutcome['exitCodes']): number {
  return exitCodes.filter(code => code === null).length
}

export function renderForTerminal ({ outcome }: ChaosReport): string {
  const table = new Table({
    head: ['partition', 'records', 'lost', 'doubled', 'reordered', 'altered'],
    style: { head: [], border: [] }
  })
  for (const found of outcome.findings) {
    table.push([`${found.topic}-${found.partition}`, ...cells(found)])
  }
  table.push(['all', ...cells(totalsOf(outcome.findings))])
  const examples = outcome.findings.flatMap(found =>
    found.examples.map(text => `${found.topic}-${found.partition}: ${text}`))
  const failed = outcome.faultsFailed.map(text => `fault not carried out: ${text}`)
  return [table.toString(), ...examples, ...outcome.liveness.examples, ...failed,
    describeLiveness(outcome), describeEnd(outcome)].join('\n')
}

export function writeJson (report: ChaosReport): string {
  const path = join(report.settings.folder, 'chaos.json')
  const { settings, outcome, command, startedAt } = report
  const { brokers, contender, minutes, processes, recordsPerSecond, seed } = settings
  const totals = totalsOf(outcome.findings)
  writeFileSync(path, `${JSON.stringify({
    command,
    startedAt,
    settings: { contender: contender.name, seed, minutes, processes, brokers, recordsPerSecond },
    totals,
    ...outcome
  }, undefined, 2)}\n`)
  return path
}

/** Appends the run; existing sections are not changed. */
export function appendReport (report: ChaosReport): string {
  const folder = join(repoRoot(), 'perf/results')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'chaos.md')
  if (!existsSync(path)) {
    writeFileSync(path, '# chaos\n\nOldest first; ../README.md says what a run does.\n')
  }
  appendFileSync(path, renderSection(report))
  return path
}

function renderSection ({ settings, outcome, command, startedAt }: ChaosReport): string {
  const { contender, processes, brokers, seed, minutes } = settings
  const totals = totalsOf(outcome.findings)
  const counts = new Map<string, number>()
  for (const { fault } of outcome.schedule) counts.set(fault, (counts.get(fault) ?? 0) + 1)
  const faults = [...counts].map(([fault, count]) => `${fault} ${count}`).join(', ')
  return [
    '',
    `## ${startedAt.toISOString().slice(0, 10)} ${contender.name}, seed ${seed}`,
    '',
    `\`${command}\``,
    '',
    `${contender.description}; ${processes} processes, clusters of ${brokers} brokers, ` +
      `${minutes} minutes of load and faults.`,
    '',
    '| records | lost | doubled | reordered | altered |',
    '|---|---|---|---|---|',
    `| ${cells(totals).join(' | ')} |`,
    '',
    `${outcome.schedule.length} faults: ${faults}.`,
    '',
    describeLiveness(outcome),
    '',
    describeEnd(outcome),
    ''
  ].join('\n')
}

function describeLiveness ({ liveness }: ChaosOutcome): string {
  const { longestByFault, secondsBeyond } = liveness
  const longest = Object.entries(longestByFault).sort(([, a], [, b]) => b - a)
    .map(([fault, seconds]) => `${fault} ${seconds.toFixed(0)}`).join(', ')
  return `Partitions were stalled for ${secondsBeyond.toFixed(0)} s longer than the faults ` +
    `explain. Longest stall during each fault, in seconds: ${longest}.`
}

function describeEnd (outcome: ChaosOutcome): string {
  const { catchUpSeconds, crashes, startsFailed, exitCodes } = outcome
  const caughtUp = catchUpSeconds === undefined
    ? 'Never caught up.'
    : `Caught up ${catchUpSeconds.toFixed(1)} s after the load.`
  const byCode = new Map<number | null, number>()
  for (const code of exitCodes) byCode.set(code, (byCode.get(code) ?? 0) + 1)
  const ends = [...byCode].map(([code, count]) =>
    `${count} ${code === null ? 'by force' : `with exit code ${code}`}`)
  return `${caughtUp} ${crashes} crashes, ${startsFailed} starts that failed; ` +
    `${exitCodes.length} stops: ${ends.join(', ')}.`
}

function cells ({ records, lost, doubled, reordered, altered }: Totals): string[] {
  return [records, lost, doubled, reordered, altered].map(count => count.toLocaleString('en'))
}
