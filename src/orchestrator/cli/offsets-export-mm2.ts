// `longhaul offsets export-mm2 FILE`: shows the positions that MirrorMaker 2 would receive; with
// --yes writes them to its offsets topic, so that it continues where Longhaul stopped.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { exportFlow, type ExportedPosition } from '../migration/export-flow.ts'
import { configure, openLog, selectFlows } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import type { MirrorMakerOptions } from './offsets-import-mm2.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

interface FlowExport {
  readonly flow: string
  readonly positions: readonly ExportedPosition[]
  readonly error: ReplicatorError | undefined
}

export async function exportMirrorMaker (
  file: string, options: MirrorMakerOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  const flows = config && selectFlows(config, options.flow, terminal)
  if (config === undefined || flows === undefined) return exitCodes.usage
  const { connectGroup, connector, offsetsTopic, output, yes = false } = options
  const exports = await Promise.all(flows.map(async (flow): Promise<FlowExport> => {
    try {
      const positions = await exportFlow({
        flow,
        names: { offsetsTopic, connector, connectGroup },
        isApplied: yes,
        log: openLog(config, terminal, terminal.stderr),
        clock: terminal.clock
      }, terminal.stopped)
      return { flow: flow.name, positions, error: undefined }
    } catch (thrown) {
      return { flow: flow.name, positions: [], error: ReplicatorError.from(thrown) }
    }
  }))
  terminal.stdout.write(renderOutput(output, exports.map(each => toJson(each, yes)),
    () => exports.map(each => render(each, yes, tableWidth(terminal))).join('')))
  if (exports.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  const errors = exports.flatMap(({ error }) => error ?? [])
  return errors.length === 0 ? exitCodes.ok : failureExit(...errors)
}

function render (
  { error, flow, positions }: FlowExport, isApplied: boolean, width: number
): string {
  if (error !== undefined) return `${flow}: ${error.message}\n`
  const rows = positions.map(({ before, offset, partition, topic }) =>
    [topic, String(partition), before === undefined ? '-' : String(before), String(offset)])
  const head = ['topic', 'partition', 'last offset on record', 'last mirrored offset']
  const done = isApplied ? 'are exported; start MirrorMaker 2' : 'would be exported with --yes'
  return `${renderTable(head, rows, width)}\n${flow}: ${positions.length} positions ${done}\n`
}

function toJson ({ error, flow, positions }: FlowExport, isApplied: boolean): object {
  return {
    flow,
    exported: isApplied && error === undefined,
    error: error?.message ?? null,
    positions: positions.map(({ before, offset, partition, topic }) => ({
      topic,
      partition,
      offset: String(offset),
      before: before === undefined ? null : String(before)
    }))
  }
}
