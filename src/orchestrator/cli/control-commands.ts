// The commands that tell a running flow what to do, and those that show it: commander wiring only.
import type { Command } from 'commander'
import { addConfigOptions } from './configure.ts'
import { sayWord, type WordOptions } from './control.ts'
import type { ExitCode } from './exit-codes.ts'
import { showStatus, type StatusOptions } from './status.ts'
import type { Terminal } from './terminal.ts'

/** `onEnd` receives the exit code of the command that was run. */
export function addControlCommands (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  addConfigOptions(program.command('status')
    .description('processes, pauses, positions and lag of each flow, from the clusters alone'))
    .option('--topic <topic>', 'each partition of this source topic')
    .action(async (file: string, options: StatusOptions) => {
      onEnd(await showStatus(file, options, terminal))
    })

  const say = (kind: Parameters<typeof sayWord>[0]) =>
    async (file: string, options: WordOptions): Promise<void> => {
      onEnd(await sayWord(kind, file, options, terminal))
    }
  addWordOptions(program.command('pause')
    .description('mirror nothing of a flow, a topic or a partition until it is resumed'))
    .action(say('pause'))
  addWordOptions(program.command('resume')
    .description('take back a pause of the same flow, topic or partition'))
    .action(say('resume'))
  const partitions = program.command('partitions').description('what to do with partitions')
  addWordOptions(partitions.command('retry')
    .description('try faulted partitions again now, instead of at fault.retry.interval.ms'))
    .action(say('retry'))
  addWordOptions(partitions.command('skip')
    .description('go on at a later source offset: what lies before it is not mirrored'))
    .requiredOption('--to <offset>', 'the source offset to go on at')
    .action(say('skip'))
}

function addWordOptions (command: Command): Command {
  return addConfigOptions(command)
    .option('--flow <name>', 'A->B: one flow of the file; default: all of them')
    .option('--topic <topic>', 'a source topic; default: all')
    .option('--partition <number>', 'one of its partitions; default: all')
    .requiredOption('--reason <text>', 'why; log, metrics and status show it')
    .option('--dry-run', 'only say what would be done')
}
