// The orders of operators that are in force, as `status` prints them: what, by whom, when, and why.
import {
  limitText, scopeText, shareText, type Attribution
} from '../control/control-record.ts'
import type { OrdersInForce } from '../control/control-state.ts'

/** So many orders have a line; the others are counted. */
const linesMax = 20

/** `ofFile`: `bandwidth.max`, which counts unless an order is in force. */
export function orderLines (orders: OrdersInForce, ofFile: number): readonly string[] {
  const { logLevel, pauses, shares, skips, throttle } = orders
  const lines = [
    ...throttle === undefined
      ? ofFile === 0 ? [] : [`bandwidth ${limitText(ofFile)} by bandwidth.max`]
      : [`bandwidth ${limitText(throttle.bytesPerSecond ?? ofFile)} ${said(throttle)}`],
    ...logLevel === undefined ? [] : [`log level ${logLevel.level ?? ''} ${said(logLevel)}`],
    ...pauses.map(each => `${scopeText(each.scope)} is paused ${said(each)}`),
    ...skips.map(each => `${scopeText(each.source)} skips to source offset ${each.to}, which no ` +
      `process has done yet, ${said(each)}`),
    ...shares.map(each => `share of ${each.scope.topic} in the bandwidth ` +
      `${shareText(each.percent)} ${said(each)}`)
  ]
  const left = lines.length - linesMax
  return left <= 0
    ? lines
    : [...lines.slice(0, linesMax), `${left} more orders are in force: longhaul status -o json`]
}

function said ({ atMs, by, reason }: Attribution): string {
  return `by ${by} at ${new Date(atMs).toISOString()}: ${reason}`
}
