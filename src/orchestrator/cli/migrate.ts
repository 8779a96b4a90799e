// `longhaul migrate FILE`: prints the steps from MirrorMaker 2 to Longhaul and back for this file.
// With --yes it carries out the steps of Longhaul: validates, waits until MirrorMaker 2 has
// stopped, and imports its positions.
import type { Config, FlowConfig } from '../config/config.ts'
import { connectGroupOf, offsetsTopicOf } from '../migration/import-flow.ts'
import { configure, selectFlows } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import {
  hasWrongSeconds, importFlows, type MirrorMakerOptions
} from './offsets-import-mm2.ts'
import { renderOutput } from './structured-output.ts'
import type { Terminal } from './terminal.ts'
import { validateConfig } from './validate.ts'

export async function migrate (
  file: string, options: MirrorMakerOptions, terminal: Terminal
): Promise<ExitCode> {
  if (hasWrongSeconds(options, terminal)) return exitCodes.usage
  const config = configure(file, options, terminal)
  const flows = config && selectFlows(config, options.flow, terminal)
  if (config === undefined || flows === undefined) return exitCodes.usage
  if (options.yes === true) return await validateAndImport(config, flows, options, terminal)
  const steps = stepsFor(file, flows, options)
  terminal.stdout.write(renderOutput(options.output, steps, () =>
    steps.map(({ command, text }, i) =>
      `${i + 1}. ${text}\n${command === undefined ? '' : `     ${command}\n`}`).join('')))
  if (flows.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  return exitCodes.ok
}

async function validateAndImport (
  config: Config, flows: readonly FlowConfig[], options: MirrorMakerOptions, terminal: Terminal
): Promise<ExitCode> {
  const { output } = options
  // A program expects one document on stdout: that of the import.
  const forReport = output === 'table' ? terminal : { ...terminal, stdout: terminal.stderr }
  const exitCode = await validateConfig(config, { ...options, isBeforeImport: true }, forReport)
  // As at a start, the problem of a topic does not stop the others; `topics` may name one that the
  // source does not have.
  return exitCode === exitCodes.ok || exitCode === exitCodes.failed
    ? await importFlows(config, flows, options, terminal)
    : exitCode
}

export interface MigrationStep {
  readonly text: string
  readonly command?: string
}

export function stepsFor (
  file: string, flows: readonly FlowConfig[], names: MirrorMakerOptions
): readonly MigrationStep[] {
  const where = [
    ...names.flow === undefined ? [] : [`--flow '${names.flow}'`],
    ...names.offsetsTopic === undefined ? [] : [`--offsets-topic ${names.offsetsTopic}`],
    ...names.connector === undefined ? [] : [`--connector '${names.connector}'`],
    ...names.connectGroup === undefined ? [] : [`--connect-group ${names.connectGroup}`]
  ]
  const seconds = [
    ...names.quietSeconds === undefined ? [] : [`--quiet-seconds ${names.quietSeconds}`],
    ...names.waitSeconds === undefined ? [] : [`--wait-seconds ${names.waitSeconds}`]
  ]
  const on = (verb: string, ...more: readonly string[]): string =>
    ['longhaul', verb, file, ...where, ...more].join(' ')
  const named = flows.map(flow => `${flow.name} (positions in ${offsetsTopicOf(flow, names)} on ` +
    `${flow.target.alias}, workers in group ${connectGroupOf(flow, names)})`).join(', ')
  return [
    {
      text: 'While MirrorMaker 2 runs: check the file and the clusters.',
      command: `longhaul validate ${file} --before-import`
    },
    {
      text: `Print the positions that would be imported for ${named}.`,
      command: on('offsets import-mm2')
    },
    {
      text: 'Stop MirrorMaker 2 on all hosts: SIGTERM to connect-mirror-maker.sh; on Kafka ' +
        'Connect PUT /connectors/NAME/stop for its source, checkpoint and heartbeat connectors. ' +
        'Leave its internal topics as they are.'
    },
    {
      text: 'Validate again, wait until MirrorMaker 2 commits no more offsets, and import.',
      command: on('migrate', ...seconds, '--yes')
    },
    { text: 'Start Longhaul.', command: `longhaul run ${file}` },
    {
      text: 'To roll back: stop Longhaul with SIGTERM, wait until the process has ended, write ' +
        'its positions to the offsets topic of MirrorMaker 2, and start MirrorMaker 2.',
      command: on('offsets export-mm2', '--yes')
    },
    {
      text: 'To return to Longhaul after a roll-back: stop MirrorMaker 2 and import with ' +
        '--force, which deletes the earlier positions of Longhaul.',
      command: on('migrate', ...seconds, '--force', '--yes')
    }
  ]
}
