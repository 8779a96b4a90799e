// top, completion and support-bundle: commander wiring only.
import { Argument, type Command } from 'commander'
import { renderCompletion, shells, type Shell } from './completion.ts'
import { addFileOptions, addInputOptions } from './configure.ts'
import type { ExitCode } from './exit-codes.ts'
import { supportBundle, type BundleOptions } from './support-bundle.ts'
import type { Terminal } from './terminal.ts'
import { top, type TopOptions } from './top.ts'

/** `onEnd` receives the exit code of the command. */
export function addSupportCommands (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  addFileOptions(program.command('top')
    .description('show flows and their busiest topics again every two seconds; q: quit'),
  '[file]')
    .option('--url <url>', 'ask the process at this address, for example http://127.0.0.1:9584, ' +
      'and not the clusters')
    .action(async (file: string | undefined, options: TopOptions) => {
      onEnd(await top(file, options, terminal))
    })

  program.command('completion')
    .description('print a script that completes commands and options: ' +
      'source <(longhaul completion bash)')
    .addArgument(new Argument('<shell>', 'whose script').choices(shells))
    .action((shell: Shell) => { terminal.stdout.write(renderCompletion(shell, program)) })

  addInputOptions(program.command('support-bundle')
    .description('write an archive for somebody who helps: file, state, metrics, limits and ' +
      'the result of doctor, without secrets'))
    .requiredOption('--to <file>', 'the archive to write, for example bundle.tar.gz')
    .option('--log <file>', 'also the end of this log file')
    .option('--no-doctor', 'do not measure both clusters')
    .action(async (file: string, options: BundleOptions) => {
      onEnd(await supportBundle(file, options, terminal))
    })
}
