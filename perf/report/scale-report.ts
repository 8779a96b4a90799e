// What a scale run came to: a row a number of partitions, for perf/results/scale.md.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import type { ScaleFigures } from '../scenarios/scale.ts'

export interface ScaleReport {
  readonly figures: readonly ScaleFigures[]
  readonly command: string
  readonly startedAt: Date
}

const columns: ReadonlyArray<{
  readonly title: string
  readonly of: (figures: ScaleFigures) => string
}> = [
  { title: 'Partitions', of: f => f.partitions.toLocaleString('en') },
  { title: 'First start, s', of: f => f.firstStartSeconds.toFixed(1) },
  { title: 'Restart to first record, s', of: f => f.restartSeconds.toFixed(1) },
  { title: 'Idle CPU, % of a core', of: f => f.idleCpuPercent.toFixed(1) },
  { title: 'Idle Fetch requests a second', of: f => f.idleFetchesPerSecond.toFixed(1) },
  { title: 'Resident, MB', of: f => f.residentMegabytes.toFixed(0) },
  { title: 'A record is through, ms, median', of: f => f.latencyMsMedian.toFixed(1) },
  { title: 'highest of 50', of: f => f.latencyMsHighest.toFixed(1) }
]

export function renderScale ({ command, figures, startedAt }: ScaleReport): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    '', `## ${startedAt.toISOString().slice(0, 10)}`, '', `\`${command}\``, '',
    `${cpus().length} cores shared by brokers and mirror, ` +
      `${(totalmem() / 2 ** 30).toFixed(0)} GiB.`,
    '', row(columns.map(({ title }) => title)), row(columns.map(() => '---')),
    ...figures.map(each => row(columns.map(({ of }) => of(each)))), ''
  ].join('\n')
}

export function appendScale (report: ScaleReport): string {
  const path = join(repoRoot(), 'perf/results/scale.md')
  const heading = '# scale\n\nOldest first; ../README.md says what a run does.\n'
  if (!existsSync(path)) writeFileSync(path, heading)
  appendFileSync(path, renderScale(report))
  return path
}
