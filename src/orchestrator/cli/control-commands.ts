// The commands that control or show a running flow: commander wiring only.
import { Option, type Command } from 'commander'
import { partitionStates } from '../observability/snapshot.ts'
import { addFileOptions } from './configure.ts'
import { giveOrder, type OrderOptions } from './control.ts'
import type { ExitCode } from './exit-codes.ts'
import { unknownState } from './flow-state.ts'
import { showGroups, type GroupsOptions } from './groups.ts'
import { showState, type StateKind, type StateOptions } from './show-state.ts'
import { showStatus, type StatusOptions } from './status.ts'
import type { Terminal } from './terminal.ts'
import { waitCaughtUp, type WaitOptions } from './wait.ts'

/** `onEnd` receives the exit code of the command. */
export function addControlCommands (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  addFileOptions(program.command('status')
    .description('show processes, pauses, positions and lag of each flow, from the clusters ' +
      'alone'))
    .option('--flow <name>', 'A->B: one flow of the file; default: all flows')
    .option('--topic <topic>', 'show each partition of this source topic')
    .option('--watch', 'show the status again every two seconds')
    .action(async (file: string, options: StatusOptions) => {
      onEnd(await showStatus(file, options, terminal))
    })

  const give = giving(terminal, onEnd)
  addOrderOptions(program.command('pause')
    .description('stop mirroring a flow, a topic or a partition until it is resumed'))
    .action(give('pause'))
  addOrderOptions(program.command('resume')
    .description('end a pause of the same flow, topic or partition'))
    .action(give('resume'))
  addOrderOptions(program.command('throttle')
    .description('limit the bandwidth of a flow, or the share of a topic in it, over all its ' +
      'processes, until the next throttle'), false)
    .option('--rate <size>', 'bytes a second, for example 10MiB; none: no limit; file: ' +
      'bandwidth.max of the file again')
    .option('--topic <topic>', 'with --share: a source topic')
    .option('--share <percent>', 'percent of the bandwidth that the topic may use; file: ' +
      'bandwidth.share of the file again')
    .action(give('throttle'))
  addOrderOptions(program.command('reload')
    .description('all processes of the flows read their files again'), false)
    .action(give('reload'))
  addOrderOptions(program.command('log-level')
    .description('set the log level of all processes of the flows'), false)
    .requiredOption('--level <level>',
      'trace, debug, info, warn, error, fatal; file: as in the file')
    .action(give('logLevel'))
  addStateCommands(program, terminal, onEnd)
  addWaitCommand(program, terminal, onEnd)
  addPartitionCommands(program, terminal, onEnd)
}

type Give = (
  kind: Parameters<typeof giveOrder>[0]
) => (file: string, options: OrderOptions) => Promise<void>

function giving (terminal: Terminal, onEnd: (exitCode: ExitCode) => void): Give {
  return kind => async (file, options) => {
    onEnd(await giveOrder(kind, file, options, terminal))
  }
}

/** The commands that show flows and change nothing. */
function addStateCommands (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  const show = (kind: StateKind) => async (file: string, options: StateOptions): Promise<void> => {
    onEnd(await showState(kind, file, options, terminal))
  }
  addStateOptions(program.command('topics')
    .description('show the topics of each flow: partitions, faults, pauses, lag'))
    .action(show('topics'))
  addStateOptions(program.command('lag')
    .description('show the topics, or the partitions of --topic, with the largest lag first'))
    .action(show('lag'))
  addStateOptions(program.command('members')
    .description('show the processes of each flow: version, address, slots'))
    .action(show('members'))
  addUrlOption(addFileOptions(program.command('groups')
    .description('show where the consumer groups of each source continue on the target'))
    .option('--flow <name>', 'A->B: one flow of the file; default: all flows')
    .option('--group <group>', 'only this consumer group'))
    .action(async (file: string, options: GroupsOptions) => {
      onEnd(await showGroups(file, options, terminal))
    })
}

function addPartitionCommands (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  const give = giving(terminal, onEnd)
  const partitions = program.command('partitions')
    .description('list, retry or skip partitions')
  addStateOptions(partitions.command('list')
    .description('show partitions: state, reason, position, lag'))
    .addOption(new Option('--state <state>', 'only partitions in this state')
      .choices([...partitionStates, unknownState]))
    .action(async (file: string, options: StateOptions) => {
      onEnd(await showState('partitions', file, options, terminal))
    })
  addOrderOptions(partitions.command('retry')
    .description('retry faulted partitions now, without waiting for fault.retry.interval.ms'))
    .action(give('retry'))
  addOrderOptions(partitions.command('skip')
    .description('continue at a later source offset: records before it are not mirrored'))
    .requiredOption('--to <offset>', 'the source offset to continue at')
    .action(give('skip'))
}

function addWaitCommand (
  program: Command, terminal: Terminal, onEnd: (exitCode: ExitCode) => void
): void {
  addStateOptions(program.command('wait')
    .description('wait until everything is mirrored that the source holds now; exit code 10: ' +
      'not in time'))
    .requiredOption('--caught-up', 'what to wait for')
    .option('--timeout <time>', 'how long, for example 90s', '10m')
    .action(async (file: string, options: WaitOptions) => {
      onEnd(await waitCaughtUp(file, options, terminal))
    })
}

function addStateOptions (command: Command): Command {
  return addUrlOption(addFileOptions(command)
    .option('--flow <name>', 'A->B: one flow of the file; default: all flows')
    .option('--topic <topic>', 'only this source topic'))
}

function addUrlOption (command: Command): Command {
  return command.option('--url <url>',
    'ask the process at this address, for example http://127.0.0.1:9584, and not the clusters')
}

/** `hasScope`: the order may concern a part of the flow. */
function addOrderOptions (command: Command, hasScope = true): Command {
  addFileOptions(command)
    .option('--flow <name>', 'A->B: one flow of the file; default: all flows')
  if (hasScope) {
    command.option('--topic <topic>', 'a source topic; default: all')
      .option('--partition <number>', 'a partition of the topic; default: all')
  }
  return command
    .requiredOption('--reason <text>', 'the reason, which log, metrics and status show')
    .option('--dry-run', 'only print what would be done')
}
