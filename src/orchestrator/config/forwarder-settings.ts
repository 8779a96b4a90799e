// The settings of the Forwarders: those of a flow, and the memory that the Forwarders of all flows
// share.
import { forwarderSettings } from '../../dataplane/contract/contract-table.ts'
import type { FlowConfig, ForwarderSettings } from './config.ts'
import { flowTable, rowOf, type FlowSetting, type FlowSettings } from './config-table.ts'
import type { ContainerLimits } from './container-limits.ts'
import type { Findings } from './findings.ts'
import { describeEntry, type Entry } from './properties-text.ts'
import { showBytes } from './setting-kinds.ts'

export function forwarderOf (settings: FlowSettings): ForwarderSettings {
  const numbers: Record<string, number> = {}
  for (const [name, setting] of Object.entries(forwarderSettings)) numbers[name] = setting.default
  for (const name of Object.keys(flowTable) as FlowSetting[]) {
    const row = rowOf(name)
    if (row.forwarder !== undefined) numbers[row.forwarder] = row.toNumber(settings[name])
  }
  return numbers as ForwarderSettings
}

/** in.flight.bytes.max, and what the process may raise it to. */
export interface InFlightBytes {
  readonly max: number
  readonly raisedMax: number
  /** That sets it; then the process does not raise it. */
  readonly entry: Entry | undefined
}

/** The part of the memory of the container or machine that fetched records may occupy. */
const recordsPart = 1 / 4
const laneBytesMin = 2 ** 20
const raisedBytesMax = 16 * 2 ** 30

/** `value`: of the entry, or the default. */
export function inFlightBytes (
  value: number, entry: Entry | undefined, { memoryBytes }: ContainerLimits
): InFlightBytes {
  if (entry !== undefined) return { max: value, raisedMax: value, entry }
  const part = Math.floor(Math.min(memoryBytes * recordsPart, raisedBytesMax))
  return { max: Math.max(laneBytesMin, Math.min(value, part)), raisedMax: part, entry }
}

/** Enough for all lanes: with less, a lane may have no room for a Fetch. */
export function fitToLanes (
  { entry, max, raisedMax }: InFlightBytes, lanes: number, findings: Findings
): InFlightBytes {
  const least = lanes * laneBytesMin
  if (entry !== undefined && max < least) {
    findings.warn(entry.key, `${describeEntry(entry)} is less than ${showBytes(laneBytesMin)} ` +
      `for each of the ${lanes} lanes of all flows: ${showBytes(least)} is used; lower lanes to ` +
      'change that')
  }
  const enough = Math.max(max, least)
  return { max: enough, raisedMax: Math.max(raisedMax, enough), entry }
}

export function lanesOf (flows: ReadonlyArray<Pick<FlowConfig, 'settings'>>): number {
  return flows.reduce((sum, { settings }) => sum + settings.lanes, 0)
}

/** The settings with which each Forwarder knows the memory of the process. */
export function sharedMemory (
  { max, raisedMax }: InFlightBytes, lanes: number
): Partial<ForwarderSettings> {
  return { inFlightBytesMax: max, inFlightBytesRaisedMax: raisedMax, processLanes: lanes }
}
