// What a restore run came to: figures, a verdict, and a section for perf/results/restore.md.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import type { RestoreOutcome } from '../scenarios/restore.ts'

export interface RestoreReport {
  readonly outcome: RestoreOutcome
  readonly command: string
  readonly startedAt: Date
}

const restoreSecondsMax = 5

export function isShort ({ recordsRead, recordsReadMax, restoreSeconds }: RestoreOutcome): boolean {
  return recordsRead <= recordsReadMax && restoreSeconds < restoreSecondsMax
}

export function renderRestore ({ command, outcome, startedAt }: RestoreReport): string {
  const count = (value: number): string => value.toLocaleString('en')
  const { recordsRead, recordsReadMax, recordsWritten, restoreSeconds, writeSeconds } = outcome
  const rows: ReadonlyArray<readonly [string, string]> = [
    ['Records written', `${count(recordsWritten)} in ${writeSeconds.toFixed(0)} s`],
    ['Left to read / at most', `${count(recordsRead)} / ${count(recordsReadMax)}`],
    ['Partitions restored', count(outcome.partitionsRestored)],
    ['Restored in / at most', `${restoreSeconds.toFixed(2)} / ${restoreSecondsMax} s`],
    ['Verdict', isShort(outcome) ? 'short' : 'NOT short']
  ]
  return [
    '', `## ${startedAt.toISOString().slice(0, 10)}`, '', `\`${command}\``, '',
    `${cpus().length} cores shared by broker and reader, ` +
      `${(totalmem() / 2 ** 30).toFixed(0)} GiB.`,
    '', '| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`), ''
  ].join('\n')
}

export function appendRestore (report: RestoreReport): string {
  const path = join(repoRoot(), 'perf/results/restore.md')
  const heading = '# restore\n\nOldest first; ../README.md says what a run does.\n'
  if (!existsSync(path)) writeFileSync(path, heading)
  appendFileSync(path, renderRestore(report))
  return path
}
