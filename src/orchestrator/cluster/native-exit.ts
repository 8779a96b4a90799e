// Ends the process without waiting for its clients.
import { endProcess } from '../../dataplane/index.ts'

/**
 * Runs the process's exit listeners, then ends it at once. process.exit() would join threads that
 * wait for a cluster which does not answer, for up to a minute.
 */
export function exitNow (code: number): never {
  process.emit('exit', code)
  return endProcess(code)
}
