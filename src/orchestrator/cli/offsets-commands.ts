// The commands of `longhaul offsets` and their options; commander wiring only.
import type { Command } from 'commander'
import { addFileOptions, addInputOptions, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { translateGroup } from './group-offsets.ts'
import { exportMirrorMaker } from './offsets-export-mm2.ts'
import { importOffsets, type ImportOptions } from './offsets-import.ts'
import { importMirrorMaker, type MirrorMakerOptions } from './offsets-import-mm2.ts'
import {
  explainOffsets, exportOffsets, type ExplainOptions, type ExportOptions
} from './offsets-on-record.ts'
import { translatePosition } from './offsets.ts'
import type { Terminal } from './terminal.ts'

interface TranslateOptions extends ConfigOptions {
  readonly group?: string
  readonly resetFile?: string
  readonly topic?: string
  readonly partition?: string
  readonly offset?: string
  readonly back?: boolean
}

/** `onEnd` receives the exit code of the command. */
export function addOffsetsCommands (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  const offsets = program.command('offsets')
    .description('relate offsets of the source to offsets of the target')
  addFileOptions(offsets.command('translate')
    .description('translate offsets: print where a consumer continues in the remote topics'))
    .option('--group <group>', 'all offsets that this consumer group has committed on the source')
    .option('--reset-file <file>',
      'with --group: print the format of kafka-consumer-groups.sh --reset-offsets --from-file')
    .option('--topic <topic>', 'instead of a group: a topic, by its name on source or target')
    .option('--partition <number>', 'its partition')
    .option('--offset <offset>', 'the next source offset that the consumer reads')
    .option('--back', 'translate an offset of the remote topic to the source')
    .action(async (file: string, options: TranslateOptions) => {
      onEnd(await translateOffsets(file, options, terminal))
    })

  addFileOptions(offsets.command('explain')
    .description('show how far a topic is mirrored, and its map of source to target offsets'))
    .requiredOption('--topic <topic>', 'the topic, by its name on source or target')
    .option('--partition <number>', 'a partition of the topic; default: all')
    .action(async (file: string, options: ExplainOptions) => {
      onEnd(await explainOffsets(file, options, terminal))
    })

  addInputOptions(offsets.command('export')
    .description('write all positions and offset maps of the flows, as JSON'))
    .option('--to <file>', 'the file to write; default: stdout')
    .action(async (file: string, options: ExportOptions) => {
      onEnd(await exportOffsets(file, options, terminal))
    })

  addFileOptions(offsets.command('import')
    .description('let a flow without positions continue at exported ones; without --yes: ' +
      'show them'))
    .requiredOption('--from <file>', 'the file that offsets export has written')
    .option('--from-flow <name>', 'the name of the flow in the file, if it differs')
    .option('--trust-target',
      'import even if the remote topic was recreated, or is shorter than at the export')
    .option('--force', 'delete the positions that the flow has, then import')
    .option('--yes', 'import')
    .action(async (file: string, options: ImportOptions) => {
      onEnd(await importOffsets(file, options, terminal))
    })

  addImportOptions(addFileOptions(offsets.command('import-mm2')
    .description('let a flow continue where MirrorMaker 2 stopped; without --yes: ' +
      'show its positions')))
    .option('--yes', 'wait until MirrorMaker 2 has stopped, and import')
    .action(async (file: string, options: MirrorMakerOptions) => {
      onEnd(await importMirrorMaker(file, options, terminal))
    })

  addNames(addFileOptions(offsets.command('export-mm2')
    .description('let MirrorMaker 2 continue where Longhaul stopped; without --yes: ' +
      'show the positions')))
    .option('--yes', 'write the positions to the offsets topic of MirrorMaker 2')
    .action(async (file: string, options: MirrorMakerOptions) => {
      onEnd(await exportMirrorMaker(file, options, terminal))
    })
}

/** The options of each command that imports from MirrorMaker 2. */
export function addImportOptions (command: Command): Command {
  return addNames(command)
    .option('--quiet-seconds <seconds>',
      'age of the last commit of MirrorMaker 2; default: 65, because it commits each 60 s')
    .option('--wait-seconds <seconds>', 'how long to wait for that age; default: 300')
    .option('--force', 'delete the positions that the flow has, then import')
}

function addNames (command: Command): Command {
  return command
    .option('--flow <name>', 'A->B: one flow of the file; default: all flows')
    .option('--offsets-topic <topic>',
      'where MirrorMaker 2 keeps its positions; default: offset.storage.topic of the file, or ' +
      'else mm2-offsets.SOURCE.internal')
    .option('--connector <name>', 'the source connector; default: MirrorSourceConnector')
    .option('--connect-group <group>',
      'group.id of the Connect workers; default: TARGET.group.id of the file, or else SOURCE-mm2')
}

async function translateOffsets (
  file: string, options: TranslateOptions, terminal: Terminal
): Promise<ExitCode> {
  const { back, group, offset, partition, topic } = options
  const isOfPosition = [topic, partition, offset, back].some(each => each !== undefined)
  if (group !== undefined && !isOfPosition) {
    return await translateGroup(file, { ...options, group }, terminal)
  }
  if (group === undefined && topic !== undefined && partition !== undefined &&
    offset !== undefined) {
    return await translatePosition(file, { ...options, topic, partition, offset }, terminal)
  }
  const ofPosition = '--topic, --partition and --offset'
  terminal.stderr.write(group === undefined
    ? `error: offsets translate needs --group, or ${ofPosition}\n`
    : `error: use either --group, or ${ofPosition}, not both\n`)
  return exitCodes.usage
}
