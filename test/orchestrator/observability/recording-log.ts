// A log that keeps its lines, as `level: text`, for tests of what is reported and how often.
import type { Log } from '../../../src/orchestrator/observability/log.ts'

export function recordingLog (lines: string[]): Log {
  const at = (level: string) => (_: unknown, text: string): void => {
    lines.push(`${level}: ${text}`)
  }
  const log: Log = {
    error: at('error'), warn: at('warn'), info: at('info'), debug: () => {}, child: () => log
  }
  return log
}
