// Where each partition is in the grid: a line for each topic, with its cells to the right of its
// name, continued on further lines where the width ends. Only lines in view are drawn, so that the
// number of partitions does not matter. Pure.
import type { States } from './answers.ts'

export interface GridLine {
  readonly topic: string
  /** Only the first line of a topic shows its name. */
  readonly isFirst: boolean
  /** Indexes of the line's cells. */
  readonly from: number
  readonly to: number
}

export interface GridCell {
  readonly topic: string
  readonly partition: number
  state: string
}

export interface GridLayout {
  readonly cells: readonly GridCell[]
  readonly lines: readonly GridLine[]
  /** Indexes of cells by `topic-partition`. */
  readonly places: ReadonlyMap<string, number>
}

export const cellSize = 14
export const lineHeight = 20
/** For the names of topics. */
export const labelWidth = 190

export function layOut (
  { names, topics }: States, width: number,
  accepts: (topic: string) => boolean
): GridLayout {
  const cellsALine = Math.max(8, Math.floor((width - labelWidth) / cellSize))
  const cells: GridCell[] = []
  const lines: GridLine[] = []
  const places = new Map<string, number>()
  for (const { partitions, states, topic } of topics) {
    if (!accepts(topic)) continue
    const first = cells.length
    partitions.forEach((partition, i) => {
      places.set(`${topic}-${partition}`, cells.length)
      cells.push({ topic, partition, state: names[states[i] ?? -1] ?? 'unknown' })
    })
    for (let from = first; from < cells.length; from += cellsALine) {
      const to = Math.min(cells.length, from + cellsALine)
      lines.push({ topic, isFirst: from === first, from, to })
    }
  }
  return { cells, lines, places }
}

/** The index of the cell at a point, from the left end of the first line. */
export function cellAt ({ lines }: GridLayout, x: number, y: number): number | undefined {
  const line = lines[Math.floor(y / lineHeight)]
  const column = Math.floor((x - labelWidth) / cellSize)
  if (line === undefined || column < 0) return undefined
  const index = line.from + column
  return index < line.to ? index : undefined
}

export function lineOf ({ lines }: GridLayout, index: number): number {
  let [low, high] = [0, lines.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((lines[middle]?.from ?? Infinity) <= index) low = middle
    else high = middle - 1
  }
  return low
}

/** The cell that a key moves to; undefined: the key moves nothing. */
export function moved (layout: GridLayout, index: number, key: string): number | undefined {
  const { cells, lines } = layout
  const last = cells.length - 1
  const at = lineOf(layout, index)
  const column = index - (lines[at]?.from ?? 0)
  const onLine = (other: number): number => {
    const line = lines[Math.min(Math.max(other, 0), lines.length - 1)]
    return line === undefined ? index : Math.min(line.from + column, line.to - 1)
  }
  switch (key) {
    case 'ArrowRight': return Math.min(index + 1, last)
    case 'ArrowLeft': return Math.max(index - 1, 0)
    case 'ArrowDown': return onLine(at + 1)
    case 'ArrowUp': return onLine(at - 1)
    case 'PageDown': return onLine(at + 10)
    case 'PageUp': return onLine(at - 10)
    case 'Home': return 0
    case 'End': return last
    default: return undefined
  }
}
