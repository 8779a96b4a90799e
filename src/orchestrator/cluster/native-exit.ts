// Ends the process without waiting for its clients.
import { endProcess } from '../../dataplane/index.ts'

/**
 * Runs the process's exit listeners, then ends the process at once. process.exit() would wait, for
 * up to a minute, for threads that wait for a cluster without an answer.
 */
export function exitNow (code: number): never {
  process.emit('exit', code)
  return endProcess(code)
}
