// A picture of one run: one panel for each figure, one bar for each contender. Plain SVG, no
// library.

import { escapeXml, svgLabel as label } from '../../src/orchestrator/observability/svg-text.ts'
import type { ContenderResult } from '../scenarios/loopback.ts'
import { figures, formatFigure, type Figure } from './figure-table.ts'
import { baselineOf } from './result-tables.ts'

const width = 860
const margin = 24
const labelWidth = 120
/** Space at the right of the longest bar for its figure and ratio. */
const valueWidth = 150
const barHeight = 20
const barGap = 8
const panelTitleHeight = 34
const panelGap = 18
const headerHeight = 66

const colours: Readonly<Record<string, string>> = {
  longhaul: '#0b7a75', 'mirror-maker': '#b5532a', relay: '#8a8f98'
}
const otherColour = '#5b6b8c'
const drawn: readonly string[] = [
  'CPU per gigabyte', 'Throughput on the wire', 'Peak memory', 'Start to first record'
]

export interface ChartText {
  readonly title: string
  readonly subtitle: string
}

export function renderChart (results: readonly ContenderResult[], text: ChartText): string {
  const panels = figures.filter(figure => drawn.includes(figure.title))
  const panelHeight = panelTitleHeight + results.length * (barHeight + barGap)
  const height = headerHeight + panels.length * (panelHeight + panelGap) + margin
  const drawnPanels = panels.map((figure, index) =>
    renderPanel(figure, results, headerHeight + index * (panelHeight + panelGap)))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" role="img">`,
    `<title>${escapeXml(text.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    label(margin, 32, text.title, 'font-size="18" font-weight="600" fill="#1c2430"'),
    label(margin, 52, text.subtitle, 'font-size="12" fill="#5a6472"'),
    ...drawnPanels,
    '</svg>',
    ''
  ].join('\n')
}

function renderPanel (figure: Figure, results: readonly ContenderResult[], top: number): string {
  const largest = Math.max(...results.map(result => figure.of(result) ?? 0), Number.MIN_VALUE)
  const baseline = baselineOf(results)
  const barLeft = margin + labelWidth
  const barWidthMax = width - barLeft - valueWidth - margin
  const bars = results.flatMap((result, index) => {
    const value = figure.of(result) ?? 0
    const y = top + panelTitleHeight + index * (barHeight + barGap)
    const middle = y + barHeight / 2 + 4
    // A bar that would be too short to see has two pixels.
    const barWidth = Math.max(2, value / largest * barWidthMax)
    const colour = colours[result.contender] ?? otherColour
    return [
      label(barLeft - 10, middle, result.contender,
        'font-size="13" text-anchor="end" fill="#1c2430"'),
      `<rect x="${barLeft}" y="${y}" width="${barWidth.toFixed(1)}" height="${barHeight}" rx="2" ` +
        `fill="${colour}"/>`,
      label(barLeft + barWidth + 8, middle, formatFigure(figure, result, baseline),
        'font-size="13" fill="#1c2430"')
    ]
  })
  const direction = figure.better === 'less' ? 'less is better' : 'more is better'
  return [
    `<line x1="${margin}" x2="${width - margin}" y1="${top}" y2="${top}" stroke="#e3e7ec"/>`,
    label(margin, top + 22, `${figure.title}, ${figure.unit}`,
      'font-size="14" font-weight="600" fill="#1c2430"'),
    label(width - margin, top + 22, direction, 'font-size="12" text-anchor="end" fill="#5a6472"'),
    ...bars
  ].join('\n')
}
