// The outcome of a catch-up run, and a section for perf/results/catch-up.md.
import type { CatchUpResult } from '../scenarios/catch-up.ts'
import type { LiveLatency } from '../scenarios/live-traffic.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface CatchUpReport extends Run {
  readonly results: readonly CatchUpResult[]
}

export function renderCatchUp (report: CatchUpReport): string {
  const rows = report.results.flatMap(({ after, backlogMegabytesPerSecond, contender, during }) => [
    [contender, `backlog of ${backlogMegabytesPerSecond.toFixed(1)} MB/s`, ...latencyCells(during)],
    [contender, 'no backlog', ...latencyCells(after)]
  ])
  return [
    ...sectionHead(report, 'brokers, load and mirror'),
    'Live records, from when each was due until a consumer of the target saw it, in ms:',
    '',
    '| | beside | records | p50 | p99 | p99.9 | longest |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(cells => `| ${cells.join(' | ')} |`),
    ''
  ].join('\n')
}

export function appendCatchUp (report: CatchUpReport): string {
  return appendSection('catch-up', renderCatchUp(report))
}

function latencyCells ({ max, p50, p99, p999, records }: LiveLatency): readonly string[] {
  return [
    records.toLocaleString('en'), ...[p50, p99, p999, max].map(milliseconds =>
      milliseconds.toFixed(milliseconds < 10 ? 1 : 0))
  ]
}
