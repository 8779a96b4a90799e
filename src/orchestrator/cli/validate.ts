// `longhaul validate FILE`: checks the file, both clusters and the progress topic of every flow,
// and reports for each source topic whether it would be mirrored, under which name, or why not.
// Changes nothing.
import type { Config, FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { openClusterPair } from '../flow/cluster-pair.ts'
import { TargetClaims } from '../flow/target-claims.ts'
import { checkFlow, type FlowCheckOptions, type FlowLook } from '../plan/flow-check.ts'
import { configure, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { renderOutput } from './structured-output.ts'
import { tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'
import {
  isComplete, isRefused, renderReports, reportForPrograms, type FlowReport
} from './validate-report.ts'

export interface ValidateOptions extends ConfigOptions, FlowCheckOptions {}

export async function validate (
  file: string, options: ValidateOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  return config === undefined ? exitCodes.usage : await validateConfig(config, options, terminal)
}

export async function validateConfig (
  config: Config, options: ValidateOptions, terminal: Terminal
): Promise<ExitCode> {
  const reports = await lookAtFlows(config, terminal, async (look): Promise<FlowReport> =>
    ({ ...await checkFlow(look, options), error: undefined }), unchecked)
  terminal.stdout.write(renderOutput(options.output, reports.map(reportForPrograms),
    () => renderReports(reports, tableWidth(terminal))))
  if (reports.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  if (reports.some(isRefused)) return exitCodes.notStarted
  return reports.every(isComplete) ? exitCodes.ok : exitCodes.failed
}

/** The result of `work` for each flow, with its clusters open; of `failed` if it rejects. */
export async function lookAtFlows<Result> (
  { flows, ...all }: Config, terminal: Terminal, work: (look: FlowLook) => Promise<Result>,
  failed: (config: FlowConfig, error: ReplicatorError) => Result
): Promise<readonly Result[]> {
  const claims = new TargetClaims()
  const log = openLog({ flows, ...all }, terminal, terminal.stderr)
  const { clock, stopped: signal } = terminal
  return await Promise.all(flows.map(async config => {
    try {
      const clusters = await openClusterPair(config, signal)
      try {
        return await work({ config, clusters, flows, claims, log, clock, signal })
      } finally {
        await clusters.close()
      }
    } catch (thrown) {
      return failed(config, ReplicatorError.from(thrown))
    }
  }))
}

function unchecked (config: FlowConfig, error: ReplicatorError): FlowReport {
  return {
    config, check: undefined, progress: undefined, remarks: [], differences: [], error
  }
}
