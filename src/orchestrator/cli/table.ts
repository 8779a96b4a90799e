// A table for people that fits the width of their terminal: long cells wrap and are not cut.
import Table from 'cli-table3'
import type { Terminal } from './terminal.ts'

/** The columns of the terminal. In a pipe no cell wraps: a row is one line with whole names. */
export function tableWidth ({ environment, stdout }: Terminal): number {
  return stdout.columns ?? (Number(environment['COLUMNS'] ?? '') || Infinity)
}

const paddingWidth = 2
const borderWidth = 1

export function renderTable (
  head: readonly string[], rows: ReadonlyArray<readonly string[]>, width: number
): string {
  const natural = head.map((title, column) =>
    Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  const room = width - borderWidth - head.length * (paddingWidth + borderWidth)
  const table = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colWidths: shareRoom(natural, room).map(each => each + paddingWidth),
    wordWrap: true
  })
  // A sentence wraps between words. A name contains no blanks, so it wraps anywhere.
  table.push(...rows.map(row => row.map(content =>
    ({ content, wrapOnWordBoundary: content.includes(' ') }))))
  return table.toString()
}

/** Narrow columns keep their width, and wide columns share the remaining width. */
export function shareRoom (natural: readonly number[], room: number): readonly number[] {
  const widths: number[] = []
  const narrowFirst = natural.map((width, column) => ({ width, column }))
    .sort((one, other) => one.width - other.width)
  let left = Math.max(room, natural.length)
  for (const [nth, { width, column }] of narrowFirst.entries()) {
    const share = Math.max(1, Math.floor(left / (narrowFirst.length - nth)))
    widths[column] = Math.min(width, share)
    left -= Math.min(width, share)
  }
  return widths
}
