// The outcome of a tune run: the points in the order of their rates, the ratios to the best one,
// and whether both bounds held, for perf/results/tune.md.
import { median, spread } from '../measure/rounds.ts'
import type { MeasuredPoint, TuneOutcome } from '../scenarios/tune.ts'
import { dimensions } from '../../src/orchestrator/tune/tune-table.ts'
import { appendSection, sectionHead, type Run } from './result-section.ts'

export interface TuneReport extends Run {
  readonly outcome: TuneOutcome
}

/** Of the best point of the full sweep: the choice of tune, and a mirror without any setting. */
export const bounds = { tune: 0.95, automatic: 0.9 } as const

export function ratioOf (
  { points }: Pick<TuneOutcome, 'points'>, kind: keyof typeof bounds
): number {
  const rate = (of: (point: MeasuredPoint) => boolean): number =>
    Math.max(0, ...points.filter(of).map(({ rates }) => median(rates)))
  return rate(point => point.kind === kind) / rate(point => point.kind === 'grid')
}

export function areBoundsHeld (outcome: Pick<TuneOutcome, 'points'>): boolean {
  return ratioOf(outcome, 'tune') >= bounds.tune &&
    ratioOf(outcome, 'automatic') >= bounds.automatic
}

export function renderTuneReport (report: TuneReport): string {
  const { points, printed, settings, tuneSeconds } = report.outcome
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const names = dimensions.map(({ setting }) => setting)
  const heads = ['Point', ...names, 'MB/s, steady', 'Of the best']
  const best = Math.max(0, ...points.filter(({ kind }) => kind === 'grid')
    .map(({ rates }) => median(rates)))
  const verdict = (kind: keyof typeof bounds): string =>
    `${(ratioOf(report.outcome, kind) * 100).toFixed(1)} % of the best point ` +
    `(${bounds[kind] * 100} % wanted)`
  return [
    ...sectionHead(report, 'brokers, line and mirror'),
    `Fetching over ${settings.roundTripMs} ms and ${settings.rate / 1e6} MB/s with ` +
      `${settings.window} windows, ${settings.partitions} partitions. ` +
      `tune needed ${tuneSeconds.toFixed(0)} s.`,
    '',
    row(heads), row(heads.map(() => '---')),
    ...points.map(({ choice, kind, rates }) => row([
      kind, ...names.map(name => String(choice[name] ?? '–')), spread(rates, 1),
      `${(median(rates) / best * 100).toFixed(1)} %`
    ])),
    '',
    `The choice of tune reached ${verdict('tune')}, the automatic choice ` +
      `${verdict('automatic')}: ${areBoundsHeld(report.outcome) ? '' : 'NOT '}both bounds held.`,
    '', 'What tune printed:', '', '```', printed.trimEnd(), '```', ''
  ].join('\n')
}

export function appendTuneReport (report: TuneReport): string {
  return appendSection('tune', renderTuneReport(report))
}
