// The outcome of a run over lines: one row for each line, for perf/results/long-link.md.
import type { MirrorFigures } from '../measure/mirror-run.ts'
import { median, spread } from '../measure/rounds.ts'
import {
  describeRow, type LineRow, type LongLinkResult
} from '../scenarios/long-link.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface LongLinkReport extends Run {
  readonly results: readonly LongLinkResult[]
}

const columns: ReadonlyArray<{
  readonly title: string
  readonly digits: number
  readonly of: (figures: MirrorFigures) => number
}> = [
  { title: 'MB/s, steady', digits: 1, of: f => f.steadyMegabytesPerSecond },
  { title: 'MB/s, all', digits: 1, of: f => f.megabytesPerSecond },
  { title: 'CPU s/GB', digits: 2, of: f => f.cpuSecondsPerGigabyte },
  { title: 'Peak MB', digits: 0, of: f => f.peakRssMegabytes },
  { title: 'First record, s', digits: 1, of: f => f.secondsToFirstRecord }
]

/** Medians; for several rounds also lowest and highest. Steady: from a quarter of the data on. */
export function renderLongLink (report: LongLinkReport): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const heads = ['Line', 'Contender', ...columns.map(({ title }) => title), 'Of the line']
  return [
    ...sectionHead(report, 'brokers, line and mirror'),
    row(heads), row(heads.map(() => '---')),
    ...report.results.map(({ contender, figures, row: line }) => row([
      describeRow(line), contender,
      ...columns.map(({ digits, of }) => spread(figures.map(of), digits)),
      shareOf(line, figures)
    ])), ''
  ].join('\n')
}

export function appendLongLink (report: LongLinkReport): string {
  return appendSection('long-link', renderLongLink(report))
}

function shareOf ({ rate }: LineRow, figures: readonly MirrorFigures[]): string {
  if (rate === 0) return '–'
  const steady = median(figures.map(each => each.steadyMegabytesPerSecond))
  return `${(steady * 1e6 / rate * 100).toFixed(0)} %`
}
