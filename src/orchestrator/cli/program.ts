// The commands and their options; commander wiring only.
import { Command, CommanderError } from 'commander'
import { librdkafkaVersion } from '../cluster/native-version.ts'
import { version } from '../version.ts'
import { acls } from './acls.ts'
import { addBenchOptions, bench, type BenchOptions } from './bench.ts'
import { addConfigOptions, type ConfigOptions } from './configure.ts'
import { addControlCommands } from './control-commands.ts'
import { addDemoOptions, demo, type DemoOptions } from './demo.ts'
import { doctor, outageDefault, type DoctorOptions } from './doctor.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { migrate } from './migrate.ts'
import { migrateConfig, type MigrateConfigOptions } from './migrate-config.ts'
import { addImportOptions, addOffsetsCommands } from './offsets-commands.ts'
import type { MirrorMakerOptions } from './offsets-import-mm2.ts'
import { plan } from './plan.ts'
import { run, type RunOptions } from './run.ts'
import { addSupportCommands } from './support-commands.ts'
import type { Terminal } from './terminal.ts'
import { addTuneOptions, tune, type TuneOptions } from './tune.ts'
import { validate } from './validate.ts'

/** Runs the command that the arguments name. commander reports errors of the command line. */
export async function runProgram (
  argv: readonly string[], terminal: Terminal
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok
  try {
    await createProgram(terminal, code => { exitCode = code }).parseAsync([...argv])
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  }
  return exitCode
}

/** `onExit` receives the exit code of the command. */
export function createProgram (terminal: Terminal, onExit: (code: ExitCode) => void): Command {
  const program = new Command('longhaul')
    .description('Mirrors Apache Kafka clusters by forwarding record batches as they are stored.')
    .version(`${version} (librdkafka ${librdkafkaVersion})`)
    .exitOverride()
    // Inherited by the commands, which are added after it.
    .configureOutput({
      writeOut: text => { terminal.stdout.write(text) },
      writeErr: text => { terminal.stderr.write(text) }
    })

  addConfigOptions(program.command('run').description('mirror until SIGTERM or SIGINT'))
    .option('--daemon', 'return once the flows have started, and mirror in the background')
    .option('--log-file <file>', 'append the log to this file, which may be rotated at any time')
    .option('--pid-file <file>', 'write the process id to this file while the process runs; ' +
      'refuse to start while the process of the file runs')
    .action(async (file: string, options: RunOptions) => {
      onExit(await run(file, options, terminal))
    })

  addLookCommands(program, terminal, onExit)

  addConfigOptions(program.command('acls')
    .description('print the ACLs that each cluster must have, as kafka-acls.sh commands or JSON'))
    .action((file: string, options: ConfigOptions) => {
      onExit(acls(file, options, terminal))
    })

  addImportOptions(addConfigOptions(program.command('migrate')
    .description('print the steps from MirrorMaker 2 to Longhaul and back for a file')))
    .option('--yes', 'validate, wait until MirrorMaker 2 has stopped, and import its positions')
    .action(async (file: string, options: MirrorMakerOptions) => {
      onExit(await migrate(file, options, terminal))
    })

  program.command('migrate-config')
    .description('convert connectors of Kafka Connect, or Strimzi\'s resource, to properties')
    .argument('<file...>', 'JSON or YAML: GET /connectors?expand=info, or the resources of Strimzi')
    .option('--to <file>', 'the file to write; default: stdout')
    .action((files: readonly string[], options: MigrateConfigOptions) => {
      onExit(migrateConfig(files, options, terminal))
    })

  addControlCommands(program, terminal, onExit)
  addOffsetsCommands(program, terminal, onExit)
  addSupportCommands(program, terminal, onExit)

  addDemoOptions(program.command('demo')
    .description('start two clusters, mirror between them, and check every record'))
    .action(async (options: DemoOptions) => {
      onExit(await demo(options, terminal))
    })

  addMeasuringCommands(program, terminal, onExit)

  return program
}

/** The commands that examine a file and its clusters, and change nothing. */
function addLookCommands (
  program: Command, terminal: Terminal, onExit: (code: ExitCode) => void
): void {
  addConfigOptions(program.command('validate')
    .description('check a file and its clusters, and list the topics that would be mirrored'))
    .option('--before-import', 'the remote topics hold records of MirrorMaker 2, whose positions ' +
      'are imported before the start')
    .action(async (file: string, options: ConfigOptions & { readonly beforeImport?: boolean }) => {
      onExit(await validate(file, { ...options, isBeforeImport: options.beforeImport }, terminal))
    })

  addConfigOptions(program.command('plan')
    .description('show what a start would change on the clusters, and change nothing'))
    .action(async (file: string, options: ConfigOptions) => {
      onExit(await plan(file, options, terminal))
    })

  addConfigOptions(program.command('doctor')
    .description('measure both clusters and this machine, and say what to do about problems'))
    .option('--outage <duration>', 'how long a mirror may stand without losing records, as 90m, ' +
      `24h or 7d; a shorter retention is then a problem; compared with ${outageDefault} otherwise`)
    .action(async (file: string, options: DoctorOptions) => {
      onExit(await doctor(file, options, terminal))
    })
}

function addMeasuringCommands (
  program: Command, terminal: Terminal, onExit: (code: ExitCode) => void
): void {
  addBenchOptions(program.command('bench')
    .description('mirror a load between two clusters, and measure latency, throughput and CPU'))
    .action(async (options: BenchOptions) => {
      onExit(await bench(options, terminal))
    })

  addTuneOptions(program.command('tune')
    .description('measure which settings fill the line between the clusters of a flow'))
    .action(async (file: string, options: TuneOptions) => {
      onExit(await tune(file, options, terminal))
    })
}
