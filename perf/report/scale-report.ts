// The outcome of a scale run: one row for each number of partitions, for perf/results/scale.md.
import type { ScaleFigures } from '../scenarios/scale.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface ScaleReport extends Run {
  readonly figures: readonly ScaleFigures[]
}

const columns: ReadonlyArray<{
  readonly title: string
  readonly of: (figures: ScaleFigures) => string
}> = [
  { title: 'Partitions', of: f => f.partitions.toLocaleString('en') },
  { title: 'The source creates them, s', of: f => f.brokerSeconds.toFixed(1) },
  { title: 'First start, s', of: f => f.firstStartSeconds.toFixed(1) },
  { title: 'Restart to first record, s', of: f => f.restartSeconds.toFixed(1) },
  { title: 'Idle CPU, % of a core', of: f => f.idleCpuPercent.toFixed(1) },
  { title: 'Idle Fetch requests a second', of: f => f.idleFetchesPerSecond.toFixed(1) },
  { title: 'Resident, MB', of: f => f.residentMegabytes.toFixed(0) },
  { title: 'A record is through, ms, median', of: f => f.latencyMsMedian.toFixed(1) },
  { title: 'highest of 50', of: f => f.latencyMsHighest.toFixed(1) }
]

export function renderScale (report: ScaleReport): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    ...sectionHead(report, 'brokers and mirror'),
    row(columns.map(({ title }) => title)), row(columns.map(() => '---')),
    ...report.figures.map(each => row(columns.map(({ of }) => of(each)))),
    '', ...threadTable(report.figures), ''
  ].join('\n')
}

/** One row for each group of threads, one column for each number of partitions. */
function threadTable (figures: readonly ScaleFigures[]): string[] {
  const groups = [...new Set(figures.flatMap(each => Object.keys(each.idleCpuByThread)))]
  const row = (title: string, of: (figures: ScaleFigures) => string): string =>
    `| ${[title, ...figures.map(of)].join(' | ')} |`
  return [
    row('Idle CPU by threads, % of a core', each => each.partitions.toLocaleString('en')),
    row('---', () => '---'),
    ...groups.map(group => row(group, each => (each.idleCpuByThread[group] ?? 0).toFixed(2)))
  ]
}

export function appendScale (report: ScaleReport): string {
  return appendSection('scale', renderScale(report))
}
