// `longhaul plan FILE`: shows what a start of each flow would change on its clusters, and whether
// the batches of its topics pass unchanged. Changes nothing.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowConfig } from '../config/config.ts'
import { planFlow } from '../plan/flow-plan.ts'
import { configure, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import {
  isImpossible, isSound, plansChanges, plansForPrograms, renderPlans, type PlanReport
} from './plan-report.ts'
import { renderOutput } from './structured-output.ts'
import { tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'
import { lookAtFlows } from './validate.ts'

export async function plan (
  file: string, options: ConfigOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const reports = await lookAtFlows(config, terminal, async (look): Promise<PlanReport> =>
    ({ config: look.config, plan: await planFlow(look), error: undefined }), unplanned)
  terminal.stdout.write(renderOutput(options.output, plansForPrograms(reports),
    () => renderPlans(reports, tableWidth(terminal))))
  if (reports.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  if (reports.some(isImpossible)) return exitCodes.notStarted
  if (!reports.every(isSound)) return exitCodes.failed
  return reports.some(plansChanges) ? exitCodes.changes : exitCodes.ok
}

function unplanned (config: FlowConfig, error: ReplicatorError): PlanReport {
  return { config, plan: undefined, error }
}
