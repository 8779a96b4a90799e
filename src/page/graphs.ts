// The graphs of the selected flow, drawn by uPlot. The figures beside each graph are its text
// alternative.
import uPlot from './uplot.js'
import { bytesText, msText, secondsText, shortText } from './format.ts'
import type { Figure, History } from './history.ts'

interface Line {
  readonly figure: Figure
  readonly label: string
  readonly color: string
}

interface GraphRow {
  readonly id: string
  readonly lines: readonly Line[]
  readonly format: (value: number | null) => string
}

/** One row for each graph: the element that holds it, its lines, and its unit. */
const graphRows: readonly GraphRow[] = [
  {
    id: 'graph-throughput',
    lines: [{ figure: 'bytes', label: 'per second', color: 'line-1' }],
    format: bytesText
  },
  {
    id: 'graph-lag',
    lines: [{ figure: 'lagRecords', label: 'records behind', color: 'line-2' }],
    format: shortText
  },
  {
    id: 'graph-lag-time',
    lines: [{ figure: 'lagSeconds', label: 'oldest partition behind', color: 'line-2' }],
    format: secondsText
  },
  {
    id: 'graph-latency',
    lines: [
      { figure: 'p99Ms', label: '99 %', color: 'line-3' },
      { figure: 'p50Ms', label: '50 %', color: 'line-1' }
    ],
    format: msText
  }
]

const graphHeight = 132

export class Graphs {
  #plots: ReadonlyArray<{ readonly row: GraphRow, readonly plot: uPlot }> = []
  readonly #history: History
  #flow = ''

  constructor (history: History) {
    this.#history = history
    this.#create()
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#create()
      this.show(this.#flow)
    })
  }

  show (flow: string): void {
    this.#flow = flow
    for (const { plot, row } of this.#plots) {
      plot.setData(this.#history.columns(flow, row.lines.map(({ figure }) => figure)))
    }
  }

  #create (): void {
    for (const { plot } of this.#plots) plot.destroy()
    this.#plots = graphRows.flatMap(row => {
      const holder = document.getElementById(row.id)
      if (holder === null) return []
      const plot = new uPlot(optionsOf(row, holder), [[], ...row.lines.map(() => [])], holder)
      new ResizeObserver(() => {
        plot.setSize({ width: holder.clientWidth, height: graphHeight })
      }).observe(holder)
      return [{ row, plot }]
    })
  }
}

function optionsOf (row: GraphRow, holder: HTMLElement): uPlot.Options {
  const style = getComputedStyle(holder)
  const color = (name: string): string => style.getPropertyValue(`--${name}`)
  const axis = {
    stroke: color('text-2'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: color('rule'), width: 1 },
    ticks: { show: false }
  }
  return {
    width: Math.max(100, holder.clientWidth),
    height: graphHeight,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_, _least, most) => [0, Math.max(1, (most || 0) * 1.15)] } },
    axes: [
      { ...axis, size: 24, space: 70, values: (_, splits) => splits.map(clockText) },
      { ...axis, size: 58, space: 34, values: (_, splits) => splits.map(row.format) }
    ],
    series: [{}, ...row.lines.map(line => ({
      label: line.label,
      stroke: color(line.color),
      fill: `${color(line.color)}22`,
      width: 1.75,
      spanGaps: false,
      points: { show: false }
    }))]
  }
}

function clockText (seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB', {
    hour: '2-digit', minute: '2-digit', second: '2-digit'
  })
}
