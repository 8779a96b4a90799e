// A log for tests that do not check log lines.
import type { Log } from '../../../src/orchestrator/observability/log.ts'

export const silentLog: Log = {
  error: () => {}, warn: () => {}, info: () => {}, debug: () => {}, child: () => silentLog
}
