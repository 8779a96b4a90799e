// The same table for the terminal and, in Markdown, for the results file.

import Table from 'cli-table3'
import { spread } from '../measure/rounds.ts'
import type { ContenderResult, LoopbackResult } from '../scenarios/loopback.ts'
import { figures, formatFigure } from './figure-table.ts'

export function baselineOf (results: readonly ContenderResult[]): ContenderResult | undefined {
  return results.find(result => result.contender === 'mirror-maker') ?? results[0]
}

export function renderTerminalTable ({ results, rounds }: LoopbackResult): string {
  const baseline = baselineOf(results)
  const table = new Table({
    head: ['', ...results.map(result => result.contender)],
    colAligns: ['left', ...results.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true }
  })
  table.push(...rows(results, baseline))
  return [
    table.toString(), footnote(baseline), ...spreadLines(rounds), ...threadLines(results)
  ].join('\n')
}

export function renderMarkdownTable ({ results, rounds }: LoopbackResult): string {
  const baseline = baselineOf(results)
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(['', ...results.map(result => result.contender)]),
    line(['---', ...results.map(() => '---:')]),
    ...rows(results, baseline).map(line),
    '',
    footnote(baseline),
    ...[...spreadLines(rounds), ...threadLines(results)].flatMap(line => ['', line])
  ].join('\n')
}

function rows (
  results: readonly ContenderResult[], baseline: ContenderResult | undefined
): string[][] {
  const relay = results.find(result => result.contender === 'relay')
  const lines = figures.map(figure => [
    `${figure.title}, ${figure.unit}`,
    ...results.map(result => formatFigure(figure, result, baseline))
  ])
  if (relay === undefined || relay.cpuSecondsPerGigabyte === 0) return lines
  const times = (result: ContenderResult): string =>
    (result.cpuSecondsPerGigabyte / relay.cpuSecondsPerGigabyte).toFixed(1)
  return [...lines, ['CPU per gigabyte, × relay', ...results.map(times)]]
}

/** For several rounds: the median, lowest and highest of two figures. */
function spreadLines (rounds: LoopbackResult['rounds']): string[] {
  const count = Math.max(0, ...rounds.map(results => results.length))
  if (count < 2) return []
  const texts = rounds.map(results => `${results[0]?.contender ?? ''} ` +
    `${spread(results.map(result => result.cpuSecondsPerGigabyte), 2)} CPU s/GB, ` +
    `${spread(results.map(result => result.megabytesPerSecond), 0)} MB/s`)
  return [`Medians of ${count} rounds; lowest and highest: ${texts.join('; ')}.`]
}

/** For each contender with named threads: its CPU seconds a gigabyte, group by group. */
function threadLines (results: readonly ContenderResult[]): string[] {
  const named = results.filter(({ cpuByThread }) => Object.keys(cpuByThread).length > 2)
  return named.map(({ contender, cpuByThread }) => {
    const texts = Object.entries(cpuByThread).sort(([, a], [, b]) => b - a)
      .map(([group, seconds]) => `${group} ${seconds.toFixed(2)}`)
    return `CPU s/GB of ${contender} by thread: ${texts.join(', ')}.`
  })
}

function footnote (baseline: ContenderResult | undefined): string {
  return baseline === undefined ? '' : `In brackets: against ${baseline.contender} in the same run.`
}
