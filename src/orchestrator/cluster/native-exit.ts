// The end of the process when it may not wait for its clients.
import { endProcess } from '../../dataplane/index.ts'

/**
 * Ends the process at once, after what was left for its end. process.exit() would wait for calls to
 * a cluster that does not answer, for up to a minute.
 */
export function exitNow (code: number): never {
  process.emit('exit', code)
  return endProcess(code)
}
