// The parts that commands share: the options of the file, those from the config table, the
// configuration file with its problems, and the log.
import { Option, type Command } from 'commander'
import { cliFlags } from '../config/cli-flags.ts'
import type { Config, FlowConfig } from '../config/config.ts'
import type { ParsedConfig } from '../config/parse-config.ts'
import { createLog, type LogOutput, type ProcessLog } from '../observability/log.ts'
import { ConfigFile } from './config-file.ts'
import { hasColor, type Terminal } from './terminal.ts'

export const outputFormats = ['table', 'json', 'yaml'] as const
export type OutputFormat = (typeof outputFormats)[number]

/** The options of a command that starts flows or shows what they would do. */
export function addConfigOptions (command: Command): Command {
  addFileOptions(command)
  for (const { flags, doc } of cliFlags) command.option(flags, doc)
  return command
}

/**
 * The options of a command about flows that run. It has none of the settings: `pause --topics x`,
 * which sets a filter, would pause the whole flow.
 */
export function addFileOptions (command: Command, file = '<file>'): Command {
  return addOutputOption(addInputOptions(command, file))
}

/** The file and how it is read. */
export function addInputOptions (command: Command, file = '<file>'): Command {
  return command
    .argument(file, 'a MirrorMaker 2 properties file')
    .option('--clusters <alias...>', 'only flows into these target clusters')
    .option('-X <property=value>',
      'set a property of the file, or source.PROP / target.PROP of the clients; may be repeated',
      collect, [])
    .option('--ignore <property>',
      'read the file as if it did not have this property; may be repeated', collect, [])
    .option('--strict', 'refuse every property that has no effect, and duplicate properties')
}

export function addOutputOption (command: Command): Command {
  return command.addOption(new Option('-o, --output <format>', 'the format of the result')
    .choices([...outputFormats]).default('table'))
}

export interface InputOptions {
  readonly clusters?: readonly string[]
  readonly X: readonly string[]
  readonly ignore?: readonly string[]
  readonly strict?: boolean
}

export interface ConfigOptions extends InputOptions {
  readonly output: OutputFormat
}

/** The file, if it has no problems. */
export function configure (
  file: string, options: InputOptions, terminal: Terminal
): Config | undefined {
  return accepted(new ConfigFile(file, options, terminal).read().parsed, terminal)
}

/**
 * The file, and those of its flows that --flow selects, for a command about flows that run: their
 * start has shown the warnings, so that here one line counts them. Undefined after all problems
 * were written to stderr.
 */
export function configureFlows (
  file: string, options: InputOptions & { readonly flow?: string | undefined }, terminal: Terminal
): { readonly config: Config, readonly flows: readonly FlowConfig[] } | undefined {
  const { parsed } = new ConfigFile(file, options, terminal).read()
  const config = accepted(parsed, terminal, warnings => warnings.length > 1
    ? [`${file}: ${warnings.length} warnings, which longhaul validate ${file} shows`]
    : warnings)
  const flows = config && selectFlows(config, options.flow, terminal)
  if (config === undefined || flows === undefined) return undefined
  if (flows.length > 0) return { config, flows }
  terminal.stderr.write('error: no flow is enabled\n')
  return undefined
}

/** Those that --flow selects. Undefined after the refusal was written to stderr. */
export function selectFlows (
  { flows }: Config, flow: string | undefined, { stderr }: Terminal
): readonly FlowConfig[] | undefined {
  const selected = flows.filter(({ name }) => (flow ?? name) === name)
  if (selected.length > 0 || flow === undefined) return selected
  const names = flows.map(({ name }) => name).join(', ')
  stderr.write(`error: --flow=${flow}: the file enables ${names}\n`)
  return undefined
}

/** Undefined after all problems were written to stderr. `shown`: what is said of warnings. */
export function accepted (
  parsed: ParsedConfig, terminal: Terminal,
  shown = (warnings: readonly string[]): readonly string[] => warnings
): Config | undefined {
  const warnings = parsed.ok ? parsed.config.warnings : parsed.warnings
  for (const warning of shown(warnings)) terminal.stderr.write(`warning: ${warning}\n`)
  if (parsed.ok) return parsed.config
  for (const problem of parsed.problems) terminal.stderr.write(`error: ${problem.message}\n`)
  return undefined
}

export function openLog (config: Config, terminal: Terminal, output: LogOutput): ProcessLog {
  const isTerminal = terminal.stderr.isTTY === true
  const format = config.process['log.format']
  return createLog({
    level: config.process['log.level'],
    format: format === 'auto' ? (isTerminal ? 'pretty' : 'json') : format,
    output,
    clock: terminal.clock,
    color: isTerminal && hasColor(terminal)
  })
}

function collect (value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}
