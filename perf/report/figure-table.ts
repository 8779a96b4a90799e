// THE list of figures that a run reports: title, unit, which direction is better, and its place in
// a result.

import type { ContenderResult } from '../scenarios/loopback.ts'

export interface Figure {
  readonly title: string
  readonly unit: string
  readonly better: 'less' | 'more'
  readonly digits: number
  readonly of: (result: ContenderResult) => number | undefined
}

export const figures: readonly Figure[] = [
  {
    title: 'CPU per gigabyte', unit: 'CPU s/GB', better: 'less', digits: 2,
    of: result => result.cpuSecondsPerGigabyte
  },
  {
    title: 'CPU of the target broker', unit: 'CPU s/GB', better: 'less', digits: 2,
    of: result => result.targetCpuSecondsPerGigabyte
  },
  {
    title: 'Throughput on the wire', unit: 'MB/s', better: 'more', digits: 0,
    of: result => result.megabytesPerSecond
  },
  {
    title: 'First record to caught up', unit: 's', better: 'less', digits: 1,
    of: result => result.seconds
  },
  {
    title: 'Peak memory', unit: 'MB', better: 'less', digits: 0,
    of: result => result.peakRssMegabytes
  },
  {
    title: 'Start to first record', unit: 's', better: 'less', digits: 2,
    of: result => result.secondsToFirstRecord
  },
  {
    title: 'CPU from start', unit: 'CPU s', better: 'less', digits: 1,
    of: result => result.cpuSecondsTotal
  },
  {
    title: 'Minor page faults', unit: 'a GB', better: 'less', digits: 0,
    of: result => result.minorFaultsPerGigabyte
  },
  {
    title: 'Voluntary switches', unit: 'a GB', better: 'less', digits: 0,
    of: result => result.voluntarySwitchesPerGigabyte
  },
  {
    title: 'Involuntary switches', unit: 'a GB', better: 'less', digits: 0,
    of: result => result.involuntarySwitchesPerGigabyte
  },
  {
    title: 'System calls', unit: 'a GB', better: 'less', digits: 0,
    of: result => result.syscallsPerGigabyte
  },
  {
    title: 'Batches on the target', unit: 'batches', better: 'less', digits: 0,
    of: result => result.targetBatches
  }
]

/**
 * The absolute figure, and its ratio to another contender's figure in the same run: absolute times
 * depend on machine and hour, the ratio does not.
 */
export function formatFigure (
  figure: Figure, result: ContenderResult, against: ContenderResult | undefined
): string {
  const value = figure.of(result)
  if (value === undefined) return '–'
  const text = value.toLocaleString('en', {
    minimumFractionDigits: figure.digits, maximumFractionDigits: figure.digits
  })
  const other = against === undefined || against === result ? undefined : figure.of(against)
  if (other === undefined || other === 0 || value === 0) return text
  return `${text} (${formatRatio(value / other)})`
}

/** `×2.7`, and `1/12` rather than `×0.08`. */
export function formatRatio (ratio: number): string {
  if (ratio >= 0.95) return `×${shorten(ratio)}`
  return `1/${shorten(1 / ratio)}`
}

function shorten (value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(1)
}
