// `longhaul tune FILE`: measures the line between the clusters of a flow, and finds the settings
// that fill it.
import { randomBytes } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { deathSignalWrapper } from '../../demo/java-process.ts'
import { benchNames, renderMirrorFile, withUserNames } from '../bench/mirror-file.ts'
import { parseConfig } from '../config/parse-config.ts'
import { decodeFile } from '../config/properties-text.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { formatBytes } from '../observability/format.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import { editFile } from '../tune/file-edit.ts'
import { runTune, type TuneResult } from '../tune/tune-run.ts'
import { dimensions, parseTuneSettings, tuneFlags, type Choice } from '../tune/tune-table.ts'
import { version } from '../version.ts'
import { configureFlows, type InputOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { linux } from './linux-host.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export function addTuneOptions (command: Command): Command {
  for (const { doc, flags } of tuneFlags) command.option(flags, doc)
  return command
    .argument('<file>', 'a MirrorMaker 2 properties file')
    .option('--flow <name>', 'the flow of the file, such as "A->B"')
    .option('--topic <name>', 'a topic of the source that is only read; default: tune writes one ' +
      'of its own, and deletes it')
    .option('--write', 'put the chosen settings into the file; the former file is FILE.bak')
}

export interface TuneOptions {
  readonly flow?: string
  readonly topic?: string
  readonly write?: boolean
}

export async function tune (
  file: string, options: TuneOptions, terminal: Terminal
): Promise<ExitCode> {
  const { clock, environment, stderr, stopped } = terminal
  const parsed = parseTuneSettings({ ...options })
  for (const problem of parsed.ok ? [] : parsed.problems) stderr.write(`error: ${problem}\n`)
  const read: InputOptions & TuneOptions = { X: [], ...options }
  const configured = parsed.ok ? configureFlows(file, read, terminal) : undefined
  if (!parsed.ok || configured === undefined) return exitCodes.usage
  const [flow, ...others] = configured.flows
  if (flow === undefined || others.length > 0) {
    const names = configured.flows.map(({ name }) => name).join(', ')
    stderr.write(`error: choose a flow of ${file} by --flow: ${names}\n`)
    return exitCodes.usage
  }
  const { topic } = options
  if (topic !== undefined && judgeTopic(flow.topics, topic) !== 'mirrored') {
    stderr.write(`error: --topic ${topic}: ${flow.name} does not mirror this topic; choose one ` +
      'that its topics and topics.exclude allow\n')
    return exitCodes.usage
  }
  const names = benchNames(randomBytes(4).toString('hex'))
  const text = decodeFile(readFileSync(file))
  const user = { text, source: flow.source.alias, target: flow.target.alias }
  const ofBench = parseConfig(renderMirrorFile(names, {}, user), { environment })
  const benchFlow = ofBench.ok ? ofBench.config.flows[0] : undefined
  if (benchFlow === undefined) {
    stderr.write('error: the clusters of the flow cannot be measured by this file\n')
    return exitCodes.usage
  }
  try {
    let left: readonly string[] = []
    const result = await runTune({
      settings: parsed.values,
      topic,
      names,
      user,
      flow,
      benchFlow: withUserNames(benchFlow, user),
      host: linux,
      wrapper: deathSignalWrapper(),
      environment,
      clock,
      stopped,
      onStep: step => { stderr.write(`tune: ${step}\n`) },
      onLeft: topics => { left = topics }
    })
    for (const topic of left) stderr.write(`error: not deleted: ${topic}\n`)
    if (result === undefined) {
      stderr.write('tune: stopped\n')
      return exitCodes.failed
    }
    const changed = changedOf(flow.settings, result)
    terminal.stdout.write(`${renderTune(result, flow.name, changed, tableWidth(terminal))}\n`)
    if (options.write === true) writeChoice(file, flow.name, changed, result, terminal)
    return left.length > 0 ? exitCodes.failed : exitCodes.ok
  } catch (thrown) {
    stderr.write(`error: ${ReplicatorError.from(thrown).message}\n`)
    return failureExit(thrown)
  }
}

const secondsMin = 1

/** The chosen values that the file does not already have; none if the steps were too short. */
function changedOf (
  settings: Readonly<Record<string, unknown>>, { shortestSeconds, sweep }: TuneResult
): Choice {
  if (shortestSeconds < secondsMin) return {}
  return Object.fromEntries(Object.entries(sweep.chosen.choice)
    .filter(([setting, value]) => settings[setting] !== value))
}

function writeChoice (
  file: string, flow: string, changed: Choice, { sweep }: TuneResult, { clock, stderr }: Terminal
): void {
  if (Object.keys(changed).length === 0) return
  // latin1 maps each byte to one character: bytes that are no UTF-8 survive.
  const text = readFileSync(file, 'latin1')
  const day = new Date(clock.now()).toISOString().slice(0, 10)
  const rate = (sweep.chosen.bytesPerSecond / 1e6).toFixed(1)
  copyFileSync(file, `${file}.bak`)
  writeFileSync(file, editFile(text, flow, changed,
    `Measured by longhaul tune ${version} on ${day}: ${rate} MB/s.`), 'latin1')
  stderr.write(`tune: ${file} has the chosen settings; the former file is ${file}.bak\n`)
}

function renderTune (
  result: TuneResult, flow: string, changed: Choice, width: number
): string {
  const { batches, commitMs, connection, sourceMs, sweep, targetMs } = result
  const rows = sweep.steps.map(({ bytesPerSecond, choice }) => [
    ...dimensions.map(({ setting }) => String(choice[setting] ?? '')),
    (bytesPerSecond / 1e6).toFixed(1),
    choice === sweep.chosen.choice ? 'chosen' : ''
  ])
  const lines = Object.entries(changed).map(([setting, value]) => `${flow}.${setting} = ${value}`)
  return [
    `${flow}: round trip ${sourceMs.toFixed(1)} ms to the source, ${targetMs.toFixed(1)} ms to ` +
      `the target, which commits a batch in ${commitMs.toFixed(1)} ms`,
    `one connection to the source passes ${formatBytes(connection.bytesPerSecond)}/s: ` +
      `${formatBytes(connection.windowBytes)} in a round trip`,
    batches === undefined
      ? 'no topic of the flow holds records: batches of 128 KiB were measured'
      : `batches of the topics have ${formatBytes(batches.bytes)} (median), ${batches.codec}`,
    renderTable([...dimensions.map(({ setting }) => setting), 'MB/s', ''], rows, width),
    ...sweep.reasons,
    ...result.sendBuffer === undefined ? [] : [result.sendBuffer],
    ...result.risingSteps === 0
      ? []
      : [`${result.risingSteps} of ${sweep.steps.length} steps ended while the mirror was still ` +
          'becoming faster: mirror more by --max-bytes and --max-seconds.'],
    ...result.shortestSeconds < secondsMin
      ? [`A step lasted ${result.shortestSeconds.toFixed(2)} s: the figures are chance, and ` +
          'nothing is chosen. Mirror more by --max-bytes, or a topic with more records.']
      : lines.length === 0
        ? ['The file has the chosen settings already.']
        : ['Chosen:', ...lines]
  ].join('\n')
}
