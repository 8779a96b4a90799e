// A log for tests that look at something else.
import type { Log } from '../../../src/orchestrator/observability/log.ts'

export const silentLog: Log = {
  error: () => {}, warn: () => {}, info: () => {}, debug: () => {}, child: () => silentLog
}
