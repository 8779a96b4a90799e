// `longhaul offsets import-mm2 FILE`: shows where each partition continues that MirrorMaker 2 has
// mirrored; with --yes waits until MirrorMaker 2 has stopped, and writes these positions to the
// progress topic.
import type { Config, FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { importFlow } from '../migration/import-flow.ts'
import type { ImportPlan, LeftOutPosition, PlannedPosition } from '../migration/import-plan.ts'
import { configure, openLog, selectFlows, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface MirrorMakerOptions extends ConfigOptions {
  /** The other options may differ by flow. */
  readonly flow?: string
  readonly offsetsTopic?: string
  readonly connector?: string
  readonly connectGroup?: string
  readonly quietSeconds?: string
  readonly waitSeconds?: string
  readonly force?: boolean
  readonly yes?: boolean
}

export interface FlowImport {
  readonly flow: string
  readonly plan: ImportPlan | undefined
  readonly error: ReplicatorError | undefined
}

// MirrorMaker 2 commits each 60 s by default (offset.flush.interval.ms).
const quietSecondsDefault = 65
const waitSecondsDefault = 300
const dryRun = '--yes imports them once MirrorMaker 2 has stopped'

/** Writes to stderr what is wrong. */
export function hasWrongSeconds (options: MirrorMakerOptions, { stderr }: Terminal): boolean {
  const { quietSeconds, waitSeconds } = options
  const all = { '--quiet-seconds': quietSeconds, '--wait-seconds': waitSeconds }
  const wrong = Object.entries(all).filter(([, text]) =>
    text !== undefined && !/^\d{1,6}$/.test(text))
  for (const [name, text] of wrong) {
    stderr.write(`error: ${name} ${text}: must be a whole number from 0 to 999999\n`)
  }
  return wrong.length > 0
}

export async function importMirrorMaker (
  file: string, options: MirrorMakerOptions, terminal: Terminal
): Promise<ExitCode> {
  if (hasWrongSeconds(options, terminal)) return exitCodes.usage
  const config = configure(file, options, terminal)
  const flows = config && selectFlows(config, options.flow, terminal)
  return config === undefined || flows === undefined
    ? exitCodes.usage
    : await importFlows(config, flows, options, terminal)
}

export async function importFlows (
  config: Config, flows: readonly FlowConfig[], options: MirrorMakerOptions, terminal: Terminal
): Promise<ExitCode> {
  const imports: FlowImport[] = []
  // One flow after another, so that their log lines do not mix.
  for (const flow of flows) imports.push(await importOne(flow, options, config, terminal))
  const { yes: isApplied = false } = options
  terminal.stdout.write(renderOutput(options.output,
    imports.map(each => importToJson(each, isApplied)),
    () => imports.map(each => renderImport(each, isApplied, tableWidth(terminal), dryRun))
      .join('')))
  if (imports.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  const errors = imports.flatMap(({ error }) => error ?? [])
  return errors.length === 0 ? exitCodes.ok : failureExit(...errors)
}

export async function importOne (
  flow: FlowConfig, options: MirrorMakerOptions, config: Config, terminal: Terminal
): Promise<FlowImport> {
  const { connectGroup, connector, force = false, offsetsTopic, yes = false } = options
  const seconds = (text: string | undefined, fallback: number): number =>
    1_000 * Number(text ?? fallback)
  try {
    const plan = await importFlow({
      flow,
      names: { offsetsTopic, connector, connectGroup },
      isApplied: yes,
      isForced: force,
      quietMs: seconds(options.quietSeconds, quietSecondsDefault),
      waitMs: seconds(options.waitSeconds, waitSecondsDefault),
      log: openLog(config, terminal, terminal.stderr),
      clock: terminal.clock,
      onProgress: text => { terminal.stderr.write(`${text}\n`) }
    }, terminal.stopped)
    return { flow: flow.name, plan, error: undefined }
  } catch (thrown) {
    return { flow: flow.name, plan: undefined, error: ReplicatorError.from(thrown) }
  }
}

/** `dryRun`: how to import; the end of a sentence. */
export function renderImport (
  { error, flow, plan }: FlowImport, isApplied: boolean, width: number, dryRun: string
): string {
  if (plan === undefined) return `${flow}: ${error?.message ?? ''}\n`
  const { leftOut, positions } = plan
  const rows = positions.map(each => [each.topic, String(each.partition), each.remoteTopic,
    String(each.committed), String(each.found), String(each.upstream), each.doubt ?? ''])
  const head = ['topic', 'partition', 'remote topic', 'committed', 'found beyond', 'continues at',
    'may be mirrored twice, because']
  const others = leftOut.map(({ committed, partition, reason, topic }) =>
    [topic, String(partition), String(committed), reason])
  const done = isApplied
    ? `${flow}: ${positions.length} positions are imported; start longhaul run\n`
    : `${flow}: ${positions.length} positions would be imported; ${dryRun}\n`
  return `${renderTable(head, rows, width)}\n` + (others.length === 0
    ? ''
    : `${renderTable(['left out', 'partition', 'committed', 'because'], others, width)}\n`) + done
}

export function importToJson ({ error, flow, plan }: FlowImport, isApplied: boolean): object {
  return {
    flow,
    imported: isApplied && error === undefined,
    error: error?.message ?? null,
    positions: plan?.positions.map(positionJson) ?? [],
    leftOut: plan?.leftOut.map(leftOutJson) ?? []
  }
}

function positionJson (
  { committed, doubt, found, partition, remoteTopic, targetEnd, topic, upstream }: PlannedPosition
): object {
  return {
    topic,
    partition,
    remoteTopic,
    committed: String(committed),
    foundBeyond: String(found),
    sourceOffset: String(upstream),
    targetOffset: String(targetEnd),
    mayDouble: doubt ?? null
  }
}

function leftOutJson ({ committed, partition, reason, topic }: LeftOutPosition): object {
  return { topic, partition, committed: String(committed), reason }
}
