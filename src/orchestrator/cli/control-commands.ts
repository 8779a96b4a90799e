// The commands that control or show a running flow: commander wiring only.
import type { Command } from 'commander'
import { addConfigOptions } from './configure.ts'
import { sayWord, type WordOptions } from './control.ts'
import type { ExitCode } from './exit-codes.ts'
import { showStatus, type StatusOptions } from './status.ts'
import type { Terminal } from './terminal.ts'

/** `onEnd` receives the exit code of the command. */
export function addControlCommands (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  addConfigOptions(program.command('status')
    .description('show processes, pauses, positions and lag of each flow, from the clusters alone'))
    .option('--topic <topic>', 'show each partition of this source topic')
    .action(async (file: string, options: StatusOptions) => {
      onEnd(await showStatus(file, options, terminal))
    })

  const say = (kind: Parameters<typeof sayWord>[0]) =>
    async (file: string, options: WordOptions): Promise<void> => {
      onEnd(await sayWord(kind, file, options, terminal))
    }
  addWordOptions(program.command('pause')
    .description('stop mirroring a flow, a topic or a partition until it is resumed'))
    .action(say('pause'))
  addWordOptions(program.command('resume')
    .description('end a pause of the same flow, topic or partition'))
    .action(say('resume'))
  const partitions = program.command('partitions').description('retry or skip partitions')
  addWordOptions(partitions.command('retry')
    .description('retry faulted partitions now, without waiting for fault.retry.interval.ms'))
    .action(say('retry'))
  addWordOptions(partitions.command('skip')
    .description('continue at a later source offset: records before it are not mirrored'))
    .requiredOption('--to <offset>', 'the source offset to continue at')
    .action(say('skip'))
}

function addWordOptions (command: Command): Command {
  return addConfigOptions(command)
    .option('--flow <name>', 'A->B: one flow of the file; default: all flows')
    .option('--topic <topic>', 'a source topic; default: all')
    .option('--partition <number>', 'a partition of the topic; default: all')
    .requiredOption('--reason <text>', 'the reason, which log, metrics and status show')
    .option('--dry-run', 'only print what would be done')
}
