// The outcome of a scale run: one row for each number of partitions, for perf/results/scale.md.
import { plainConsumerHeap } from '../scenarios/plain-consumer.ts'
import type { ScaleFigures } from '../scenarios/scale.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface ScaleReport extends Run {
  readonly figures: readonly ScaleFigures[]
}

interface Column {
  readonly title: string
  readonly of: (figures: ScaleFigures) => string
}

const columns: readonly Column[] = [
  { title: 'Partitions', of: f => f.partitions.toLocaleString('en') },
  { title: 'The source creates them, s', of: f => f.brokerSeconds.toFixed(1) },
  { title: 'First start, s', of: f => f.firstStartSeconds.toFixed(1) },
  { title: 'Restart to first record, s', of: f => f.restartSeconds.toFixed(1) },
  { title: 'Idle CPU, % of a core', of: f => f.idleCpuPercent.toFixed(1) },
  { title: 'Idle Fetch requests a second', of: f => f.idleFetchesPerSecond.toFixed(1) },
  { title: 'Metadata requests a minute', of: f => f.metadata.requestsPerMinute.toFixed(1) },
  { title: 'kB of metadata a minute', of: f => f.metadata.kilobytesPerMinute.toFixed(1) },
  { title: 'Resident, MB', of: f => f.residentMegabytes.toFixed(0) },
  { title: 'A record is through, ms, median', of: f => f.latencyMsMedian.toFixed(1) },
  { title: 'highest of 50', of: f => f.latencyMsHighest.toFixed(1) }
]

const consumerColumns: readonly Column[] = [
  { title: 'Partitions', of: f => f.partitions.toLocaleString('en') },
  { title: 'Start to first record, s', of: f => f.consumer.firstRecordSeconds.toFixed(1) },
  { title: 'to all 51 records, s', of: f => f.consumer.allRecordsSeconds.toFixed(1) },
  { title: 'Idle CPU, % of a core', of: f => f.consumer.idleCpuPercent.toFixed(1) },
  { title: 'Idle Fetch requests a second', of: f => f.consumer.idleFetchesPerSecond.toFixed(1) },
  {
    title: 'Metadata requests a minute',
    of: f => f.consumer.metadata.requestsPerMinute.toFixed(1)
  },
  { title: 'kB of metadata a minute', of: f => f.consumer.metadata.kilobytesPerMinute.toFixed(1) },
  { title: 'Resident, MB', of: f => f.consumer.residentMegabytes.toFixed(0) }
]

export function renderScale (report: ScaleReport): string {
  return [
    ...sectionHead(report, 'brokers and mirror'),
    ...table(columns, report.figures),
    '', ...threadTable(report.figures),
    '', 'A plain consumer of the same partitions, Kafka\'s console consumer ' +
      `(${plainConsumerHeap}):`,
    '', ...table(consumerColumns, report.figures), ''
  ].join('\n')
}

function table (wanted: readonly Column[], figures: readonly ScaleFigures[]): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    row(wanted.map(({ title }) => title)), row(wanted.map(() => '---')),
    ...figures.map(each => row(wanted.map(({ of }) => of(each))))
  ]
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
