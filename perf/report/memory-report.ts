// The outcome of a memory run: figures, a verdict, and a section for perf/results/memory.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import { phaseMs, type MemoryOutcome, type MemorySample } from '../scenarios/memory.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface MemoryReport extends Run {
  readonly outcome: MemoryOutcome
}

/**
 * What a process with two lanes needs besides the bytes in flight, as docs/processes.md states it:
 * code of Node.js and of the libraries 62 MB, JavaScript heaps and compiled code 43 MB, malloc
 * 36 MB. Fixed: the resident memory at the start depends on when V8 has collected garbage last.
 */
export const processBytes = 141e6
// A run this long distinguishes a leak from a heap that grows to its size.
const leakMinutesMin = 30
const leakBytesAnHourMax = 10e6

/** The limit of the bytes in flight, and what the process needs besides them. */
export function rssBound ({ inFlightLimit }: Pick<MemoryOutcome, 'inFlightLimit'>): number {
  return inFlightLimit + processBytes
}

export function highest (outcome: MemoryOutcome, of: keyof MemorySample): number {
  return outcome.samples.reduce((most, sample) => Math.max(most, sample[of]), 0)
}

/**
 * Bytes an hour by least squares over the settled part: the second half, in which everything is
 * warm, and of this half complete cycles of hanging and answering, because memory fills in one part
 * of a cycle and empties in the other.
 */
export function rssSlope ({ samples }: Pick<MemoryOutcome, 'samples'>): number {
  const end = samples.at(-1)?.seconds ?? 0
  const turnSeconds = 2 * phaseMs / 1000
  const whole = Math.floor(end / 2 / turnSeconds) * turnSeconds
  const from = end - (whole > 0 ? whole : end / 2)
  const half = samples.filter(({ seconds }) => seconds >= from)
  const mean = (of: (sample: MemorySample) => number): number =>
    half.reduce((sum, sample) => sum + of(sample), 0) / Math.max(1, half.length)
  const at = mean(({ seconds }) => seconds)
  const rss = mean(({ rssBytes }) => rssBytes)
  const spread = mean(({ seconds }) => (seconds - at) ** 2)
  if (spread === 0) return 0
  return mean(({ rssBytes, seconds }) => (seconds - at) * (rssBytes - rss)) / spread * 3600
}

export function isInside (outcome: MemoryOutcome): boolean {
  const isLong = (outcome.samples.at(-1)?.seconds ?? 0) >= leakMinutesMin * 60
  return outcome.exitCode === 0 && outcome.recordsMirrored === outcome.recordsWritten &&
    highest(outcome, 'rssBytes') <= rssBound(outcome) &&
    !(isLong && rssSlope(outcome) > leakBytesAnHourMax)
}

export function renderMemory (report: MemoryReport): string {
  const { outcome } = report
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0)
  const minutes = (outcome.samples.at(-1)?.seconds ?? 0) / 60
  const rows: ReadonlyArray<readonly [string, string]> = [
    ['Load', `${minutes.toFixed(0)} minutes`],
    ['Stalls of the target, 30 s each', String(outcome.stalls)],
    ['Records written / on the target',
      `${outcome.recordsWritten.toLocaleString('en')} / ` +
      outcome.recordsMirrored.toLocaleString('en')],
    ['Caught up after', outcome.catchUpSeconds === undefined
      ? 'never'
      : `${outcome.catchUpSeconds.toFixed(1)} s`],
    ['In flight, highest / limit',
      `${mb(highest(outcome, 'inFlightBytes'))} / ${mb(outcome.inFlightLimit)} MB`],
    ['Resident at the start', `${mb(outcome.rssAtStart)} MB`],
    ['Resident, highest / bound',
      `${mb(highest(outcome, 'rssBytes'))} / ${mb(rssBound(outcome))} MB`],
    ['Slope of the settled part', `${mb(rssSlope(outcome))} MB an hour`],
    ['Verdict', isInside(outcome) ? 'inside the bound' : 'NOT inside the bound']
  ]
  return [
    ...sectionHead(report, 'brokers and mirror'),
    '| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`), ''
  ].join('\n')
}

/** The samples, which are not part of the repository. */
export function writeSamples ({ outcome, startedAt }: MemoryReport): string {
  const folder = join(repoRoot(), '.cache/perf')
  mkdirSync(folder, { recursive: true })
  const stamp = startedAt.toISOString().slice(0, 19).replaceAll(':', '')
  const path = join(folder, `memory-${stamp}.json`)
  writeFileSync(path, `${JSON.stringify(outcome)}\n`)
  return path
}

export function appendMemory (report: MemoryReport): string {
  return appendSection('memory', renderMemory(report))
}
