// `longhaul offsets import FILE --from EXPORT`: shows at which exported positions a flow would
// continue; with --yes writes them to the progress topic. For a flow whose progress topic was lost,
// and for a flow that continues under another name.
import { readFileSync } from 'node:fs'
import type { Config, FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { readExport, type ExportedFlow } from '../migration/exported-positions.ts'
import { importExported } from '../migration/import-exported.ts'
import { configure, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { importToJson, renderImport, type FlowImport } from './offsets-import-mm2.ts'
import { renderOutput } from './structured-output.ts'
import { tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface ImportOptions extends ConfigOptions {
  readonly from: string
  /** The name of the flow at the time of the export. */
  readonly fromFlow?: string
  readonly force?: boolean
  readonly trustTarget?: boolean
  readonly yes?: boolean
}

export async function importOffsets (
  file: string, options: ImportOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  let text: string
  try {
    text = readFileSync(options.from, 'utf8')
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    terminal.stderr.write(`error: --from ${options.from} cannot be read: ${reason}\n`)
    return exitCodes.usage
  }
  let exported: readonly ExportedFlow[]
  try {
    exported = readExport(text)
    if (options.fromFlow !== undefined && config.flows.length !== 1) {
      throw new ReplicatorError('IMPORT_REFUSED', `--from-flow ${options.fromFlow} names one ` +
        `flow, and the file has ${config.flows.length}`,
      { action: 'Choose one flow by --clusters, or by a file that has only this flow' })
    }
  } catch (thrown) {
    terminal.stderr.write(`error: ${options.from}: ${ReplicatorError.from(thrown).message}\n`)
    return exitCodes.failed
  }
  const imports: FlowImport[] = []
  for (const flow of config.flows) {
    imports.push(await importOne(flow, exported, options, config, terminal))
  }
  const { yes: isApplied = false } = options
  const width = tableWidth(terminal)
  const dryRun = '--yes imports them while no process of the flow runs'
  terminal.stdout.write(renderOutput(options.output,
    imports.map(each => importToJson(each, isApplied)),
    () => imports.map(each => renderImport(each, isApplied, width, dryRun)).join('')))
  const errors = imports.flatMap(({ error }) => error ?? [])
  return errors.length === 0 ? exitCodes.ok : failureExit(...errors)
}

async function importOne (
  flow: FlowConfig, exported: readonly ExportedFlow[], options: ImportOptions, config: Config,
  terminal: Terminal
): Promise<FlowImport> {
  const { force = false, fromFlow = flow.name, trustTarget = false, yes = false } = options
  try {
    const found = exported.find(({ name }) => name === fromFlow)
    if (found === undefined) {
      throw new ReplicatorError('IMPORT_REFUSED', `${options.from} has no flow ${fromFlow}; it ` +
        `has ${exported.map(({ name }) => name).join(', ') || 'none'}`,
      { action: 'Name the flow that the positions are of by --from-flow' })
    }
    const plan = await importExported({
      flow,
      exported: found.partitions,
      isApplied: yes,
      isForced: force,
      trustsTarget: trustTarget,
      log: openLog(config, terminal, terminal.stderr),
      clock: terminal.clock,
      onProgress: text => { terminal.stderr.write(`${text}\n`) }
    }, terminal.stopped)
    return { flow: flow.name, plan, error: undefined }
  } catch (thrown) {
    return { flow: flow.name, plan: undefined, error: ReplicatorError.from(thrown) }
  }
}
