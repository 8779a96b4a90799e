// Ends the process without waiting for its clients or for its terminal.
import { isatty } from 'node:tty'
import { endProcess } from '../../dataplane/index.ts'

const standardFiles = [0, 1, 2]

/**
 * Runs the process's exit listeners, then ends the process at once. process.exit() would wait, for
 * up to a minute, for threads that wait for a cluster without an answer.
 */
export function exitNow (code: number): never {
  process.emit('exit', code)
  return endProcess(code)
}

/**
 * When a process exits, Node restores the settings of its terminal. Node 20 aborts if the terminal
 * has closed (https://github.com/nodejs/node/pull/58200). From this call on, such a process ends
 * when its exit listeners have run, before Node touches the terminal.
 */
export function exitWithoutClosedTerminal (): void {
  const terminals = standardFiles.filter(file => isatty(file))
  process.on('exit', code => {
    if (terminals.some(file => !isatty(file))) endProcess(code)
  })
}
