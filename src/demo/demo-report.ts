// The findings of a demo, as a table for people and as JSON for programs. Pure.
import Table from 'cli-table3'
import { formatBytes, formatSeconds } from '../orchestrator/observability/format.ts'
import { renderSummaryTable, type RunSummary } from '../orchestrator/observability/summary.ts'
import type { PayloadCounts } from './payload-check.ts'
import type { Difference } from './record-check.ts'

export interface DemoReport {
  readonly clusters: string
  readonly topics: number
  readonly partitions: number
  /** From the first step to the last. */
  readonly seconds: number
  /** Of the mirror, from the first record written to the last one mirrored. */
  readonly summary: RunSummary
  readonly check: CheckReport
  /** Whether the target has every record and every payload unchanged. */
  readonly matched: boolean
}

export interface CheckReport {
  readonly recordsWritten: number
  readonly recordsChecked: number
  /** Undefined: not compared, because raw batches cannot be fetched or the demo was stopped. */
  readonly payloads: PayloadCounts | undefined
  readonly differences: number
  readonly firstDifferences: readonly Difference[]
  /** Why the check is incomplete. */
  readonly incomplete: string | undefined
}

export function renderDemoTable (report: DemoReport): string {
  const { check, summary } = report
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'] })
  table.push(
    ['Records written / found on the target', `${whole(check.recordsWritten)} / ` +
      whole(check.recordsChecked)],
    ['Batches with the same payload bytes on both', payloadsOf(check)],
    ['Differences', whole(check.differences)]
  )
  return [
    renderSummaryTable(summary),
    'CPU time is the whole process\'s: the mirror with the producers' +
      `${report.clusters.startsWith('embedded') ? ' and the brokers of both clusters' : ''}.`,
    '',
    'Check: order, keys, values, headers and timestamps, with check.crcs=true',
    table.toString(),
    ...check.firstDifferences.map(renderDifference),
    ...check.differences > check.firstDifferences.length
      ? [`... and ${whole(check.differences - check.firstDifferences.length)} more`]
      : [],
    verdict(report)
  ].join('\n')
}

export function renderDifference ({ offset, partition, topic, what }: Difference): string {
  return `${topic}-${partition} offset ${offset}: ${what}`
}

function payloadsOf ({ incomplete, payloads }: CheckReport): string {
  if (payloads === undefined) {
    return incomplete === undefined ? 'not compared: clusters with TLS or logins' : 'not compared'
  }
  const { batches, kept, keptBytes, keptByCodec } = payloads
  return `${whole(kept)} of ${whole(batches)}\n` +
    `${whole(keptByCodec.lz4)} lz4, ${whole(keptByCodec.none)} uncompressed\n` +
    formatBytes(keptBytes)
}

function verdict ({ check, matched, seconds }: DemoReport): string {
  const took = formatSeconds(seconds)
  if (matched) {
    return 'OK: every record arrived, in order and unchanged, in batches with their payload ' +
      `bytes. ${took}`
  }
  if (check.incomplete !== undefined) return `NOT CHECKED: ${check.incomplete}. ${took}`
  return `FAILED: the target does not hold what was written. ${took}`
}

function whole (count: number): string {
  return count.toLocaleString('en-US')
}
