// The outcome of a restore run: figures, a verdict, and a section for perf/results/restore.md.
import type { RestoreOutcome } from '../scenarios/restore.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface RestoreReport extends Run {
  readonly outcome: RestoreOutcome
}

const restoreSecondsMax = 5

export function isShort ({ recordsRead, recordsReadMax, restoreSeconds }: RestoreOutcome): boolean {
  return recordsRead <= recordsReadMax && restoreSeconds < restoreSecondsMax
}

export function renderRestore (report: RestoreReport): string {
  const { outcome } = report
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
    ...sectionHead(report, 'broker and reader'),
    '| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`), ''
  ].join('\n')
}

export function appendRestore (report: RestoreReport): string {
  return appendSection('restore', renderRestore(report))
}
