// The outcome of a latency run: a table for perf/results/latency.md, and a histogram log of each
// measurement in .cache/perf/.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderHistogramLog } from '../../src/orchestrator/bench/histogram-log.ts'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import { spread } from '../measure/rounds.ts'
import { describeLatencyRow, type LatencyResult } from '../scenarios/latency.ts'
import type { LiveLatency } from '../scenarios/live-traffic.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface LatencyReport extends Run {
  readonly results: readonly LatencyResult[]
}

const columns: ReadonlyArray<readonly [title: string, of: (latency: LiveLatency) => number]> = [
  ['p50', each => each.p50], ['p99', each => each.p99], ['p99.9', each => each.p999],
  ['longest', each => each.max]
]

/** Medians of the rounds; for several rounds also lowest and highest. */
export function renderLatency (report: LatencyReport): string {
  const rows = report.results.map(({ contender, rounds, row }) => [
    describeLatencyRow(row), contender,
    ...columns.map(([, of]) => spread(rounds.map(of), 1))
  ])
  return [
    ...sectionHead(report, 'brokers, load, consumer and mirror'),
    'Records of 200 bytes, from when each was due until a consumer of the target saw it, in ms:',
    '',
    `| round trip, load | | ${columns.map(([title]) => title).join(' | ')} |`,
    `|${'---|'.repeat(columns.length + 2)}`,
    ...rows.map(cells => `| ${cells.join(' | ')} |`),
    ''
  ].join('\n')
}

export function appendLatency (report: LatencyReport): string {
  return appendSection('latency', renderLatency(report))
}

/** Returns the paths of the HdrHistogram logs, one for each measurement. */
export function writeLatencyLogs ({ results, startedAt }: LatencyReport): readonly string[] {
  const folder = join(repoRoot(), '.cache/perf')
  mkdirSync(folder, { recursive: true })
  const stamp = startedAt.toISOString().slice(0, 19).replaceAll(':', '')
  return results.flatMap(({ contender, rounds, row }) => rounds.map((latency, round) => {
    const name = `latency-${stamp}-${row.roundTripMs}ms-${row.recordsPerSecond}-` +
      `${contender.replaceAll(' ', '-')}-${round + 1}.hlog`
    const path = join(folder, name)
    writeFileSync(path, renderHistogramLog(latency.samples))
    return path
  }))
}
