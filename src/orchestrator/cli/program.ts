// The commands and their options; commander wiring only.
import { Command, CommanderError } from 'commander'
import { librdkafkaVersion } from '../cluster/native-version.ts'
import { version } from '../version.ts'
import { acls } from './acls.ts'
import { addConfigOptions, type ConfigOptions } from './configure.ts'
import { addDemoOptions, demo, type DemoOptions } from './demo.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { translateGroup } from './group-offsets.ts'
import { translatePosition } from './offsets.ts'
import { run } from './run.ts'
import type { Terminal } from './terminal.ts'
import { validate } from './validate.ts'

/** Runs the command that the arguments name. commander writes what is wrong with a command line. */
export async function runProgram (
  argv: readonly string[], terminal: Terminal
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok
  const program = new Command('longhaul')
    .description('Mirrors Apache Kafka clusters by forwarding record batches as they are stored.')
    .version(`${version} (librdkafka ${librdkafkaVersion})`)
    .exitOverride()

  addConfigOptions(program.command('run').description('mirror until SIGTERM or SIGINT'))
    .action(async (file: string, options: ConfigOptions) => {
      exitCode = await run(file, options, terminal)
    })

  addConfigOptions(program.command('validate')
    .description('check a file and its clusters, and list what would be mirrored'))
    .action(async (file: string, options: ConfigOptions) => {
      exitCode = await validate(file, options, terminal)
    })

  addConfigOptions(program.command('acls')
    .description('print the ACLs that each cluster must grant, as kafka-acls.sh commands or JSON'))
    .action((file: string, options: ConfigOptions) => {
      exitCode = acls(file, options, terminal)
    })

  const offsets = program.command('offsets')
    .description('where records of the source are on the target')
  addConfigOptions(offsets.command('translate')
    .description('the offsets of remote topics at which a consumer goes on'))
    .option('--group <group>', 'all that this consumer group has committed on the source')
    .option('--reset-file <file>',
      'with --group: write what kafka-consumer-groups.sh --reset-offsets --from-file reads')
    .option('--topic <topic>', 'instead of a group: the source topic')
    .option('--partition <number>', 'its partition')
    .option('--offset <offset>', 'the next offset to be read on the source')
    .option('--back', 'from an offset of the remote topic to the source')
    .action(async (file: string, options: TranslateOptions) => {
      exitCode = await translateOffsets(file, options, terminal)
    })

  addDemoOptions(program.command('demo')
    .description('mirror between two clusters that the demo starts, and check every record'))
    .action(async (options: DemoOptions) => {
      exitCode = await demo(options, terminal)
    })

  try {
    await program.parseAsync([...argv])
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  }
  return exitCode
}

interface TranslateOptions extends ConfigOptions {
  readonly group?: string
  readonly resetFile?: string
  readonly topic?: string
  readonly partition?: string
  readonly offset?: string
  readonly back?: boolean
}

async function translateOffsets (
  file: string, options: TranslateOptions, terminal: Terminal
): Promise<ExitCode> {
  const { group, offset, partition, topic } = options
  if (group !== undefined && topic === undefined) {
    return await translateGroup(file, { ...options, group }, terminal)
  }
  if (group === undefined && topic !== undefined && partition !== undefined &&
    offset !== undefined) {
    return await translatePosition(file, { ...options, topic, partition, offset }, terminal)
  }
  terminal.stderr.write('error: offsets translate needs --group, or --topic, --partition and ' +
    '--offset\n')
  return exitCodes.usage
}
