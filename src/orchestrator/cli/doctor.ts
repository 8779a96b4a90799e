// `longhaul doctor FILE`: measures both clusters and this machine, and says for each finding what
// to do. Changes nothing.
import type { FlowConfig } from '../config/config.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { seenIn, severities, type Outage } from '../doctor/check.ts'
import { examineFlow, type NamedFinding } from '../doctor/run-checks.ts'
import { plural } from '../observability/format.ts'
import { configure, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { linux } from './linux-host.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'
import { lookAtFlows } from './validate.ts'

export interface DoctorOptions extends ConfigOptions {
  readonly outage?: string
}

interface FlowFindings {
  readonly flow: string
  readonly findings: readonly NamedFinding[]
}

export const outageDefault = '24h'

export async function doctor (
  file: string, options: DoctorOptions, terminal: Terminal
): Promise<ExitCode> {
  const outageMs = durationOf(options.outage ?? outageDefault)
  if (outageMs === undefined) {
    terminal.stderr.write(`error: --outage=${options.outage}: write a number and a unit, ` +
      'for example 90m, 24h or 7d\n')
    return exitCodes.usage
  }
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const outage: Outage = { ms: outageMs, isChosen: options.outage !== undefined }
  const results = await lookAtFlows(config, terminal, async (look): Promise<FlowFindings> => ({
    flow: look.config.name, findings: await examineFlow(look, { outage, host: linux })
  }), unreachable)
  terminal.stdout.write(renderOutput(options.output, results.map(({ findings, flow }) =>
    ({ flow, findings: findings.map(({ advice = null, ...each }) => ({ ...each, advice })) })),
  () => renderFindings(results, tableWidth(terminal))))
  if (results.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  return results.some(({ findings }) => findings.some(({ severity }) => severity === 'problem'))
    ? exitCodes.unhealthy
    : exitCodes.ok
}

/** Undefined: not a number with one of the units. */
export function durationOf (text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? []
  if (count === undefined || unit === undefined) return undefined
  const units: Readonly<Record<string, number>> =
    { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  return Number(count) * (units[unit] ?? 0)
}

function unreachable (config: FlowConfig, error: ReplicatorError): FlowFindings {
  return {
    flow: config.name,
    findings: [{
      check: 'start',
      severity: 'problem',
      about: config.name,
      measured: seenIn(error),
      advice: error.action
    }]
  }
}

/** The most severe first. */
function renderFindings (results: readonly FlowFindings[], width: number): string {
  return results.map(({ findings, flow }) => {
    const rows = findings.toSorted((one, other) =>
      severities.indexOf(other.severity) - severities.indexOf(one.severity))
    const counts = severities.toReversed().map(severity => {
      const { length } = findings.filter(each => each.severity === severity)
      return severity === 'ok' ? `${length} ok` : plural(length, severity)
    })
    return [
      `${flow}: ${counts.join(', ')}`,
      renderTable(['', 'check', 'about', 'measured', 'what to do'],
        rows.map(({ about, advice = '', check, measured, severity }) =>
          [severity, check, about, measured, advice]), width)
    ].join('\n')
  }).join('\n\n')
}
