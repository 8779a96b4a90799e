// A picture of a bench: records written and mirrored each second, and the latency over percentiles.
// Plain SVG, no library. Pure.
import { formatCount } from '../observability/format.ts'
import { escapeXml, svgLabel } from '../observability/svg-text.ts'
import type { BenchResult } from './bench-result.ts'
import { percentileMs } from './latency-record.ts'

const width = 860
const height = 620
const left = 76
const right = 24
const plotHeight = 200
const tops = { rates: 90, latencies: 370 } as const
const ink = '#1c2430'
const faint = '#5a6472'
const published = '#8a8f98'
const mirrored = '#0b7a75'
/** Each step is ten times closer to all records. */
const percentiles = [0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100] as const
const labelled: readonly number[] = [0, 50, 90, 99, 99.9, 99.99]
const gridLines = 4

type Point = readonly [x: number, y: number]

export function renderLatencyChart (result: BenchResult, title: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    svgLabel(left, 32, title, `font-size="16" font-weight="600" fill="${ink}"`),
    ...renderRates(result),
    ...renderLatencies(result),
    '</svg>',
    ''
  ].join('\n')
}

function renderRates ({ counts: { samples } }: BenchResult): readonly string[] {
  const rates = samples.filter(({ seconds }) => seconds > 0).map(sample => ({
    published: sample.published / sample.seconds, mirrored: sample.mirrored / sample.seconds
  }))
  const most = Math.max(1, ...rates.flatMap(rate => [rate.published, rate.mirrored]))
  const x = (i: number): number => left + (width - left - right) * i / Math.max(1, rates.length - 1)
  const line = (pick: (rate: { published: number, mirrored: number }) => number): Point[] =>
    rates.map((rate, i) => [x(i), pick(rate) / most])
  return [
    heading(tops.rates, 'Records a second: written (grey), mirrored (green)'),
    ...grid(tops.rates, most, value => formatCount(value)),
    curve(tops.rates, line(rate => rate.published), published),
    curve(tops.rates, line(rate => rate.mirrored), mirrored),
    svgLabel(width - right, tops.rates + plotHeight + 18, `${rates.length} s`,
      `font-size="12" text-anchor="end" fill="${faint}"`)
  ]
}

function renderLatencies ({ counts }: BenchResult): readonly string[] {
  const histogram = counts.endToEndLatency.total
  const most = Math.max(0.001, percentileMs(histogram, 100))
  const step = (width - left - right) / (percentiles.length - 1)
  const points = percentiles.map((percentile, i): Point =>
    [left + step * i, percentileMs(histogram, percentile) / most])
  return [
    heading(tops.latencies, 'Latency from creation to visible on the target, ms, by percentile'),
    ...grid(tops.latencies, most, value => value.toFixed(most < 10 ? 2 : 0)),
    curve(tops.latencies, points, mirrored),
    ...percentiles.flatMap((percentile, i) => labelled.includes(percentile)
      ? [svgLabel(left + step * i, tops.latencies + plotHeight + 18, `${percentile} %`,
          `font-size="12" text-anchor="middle" fill="${faint}"`)]
      : [])
  ]
}

function heading (top: number, text: string): string {
  return svgLabel(left, top - 12, text, `font-size="13" fill="${ink}"`)
}

function grid (top: number, most: number, format: (value: number) => string): readonly string[] {
  return Array.from({ length: gridLines + 1 }, (_, i) => {
    const y = top + plotHeight * (1 - i / gridLines)
    return `<line x1="${left}" x2="${width - right}" y1="${y}" y2="${y}" stroke="#e3e7ec"/>` +
      svgLabel(left - 8, y + 4, format(most * i / gridLines),
        `font-size="12" text-anchor="end" fill="${faint}"`)
  })
}

/** The second member of a point is a share of the height. */
function curve (top: number, points: readonly Point[], colour: string): string {
  const drawn = points.map(([x, share]) =>
    `${x.toFixed(1)},${(top + plotHeight * (1 - share)).toFixed(1)}`)
  return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${drawn.join(' ')}"/>`
}
