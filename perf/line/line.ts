// An emulated line to one broker: line.c, started and stopped. All connections share it.

import { once } from 'node:events'
import { spawnGuarded, stopChild } from '../../test/kafka/process-guard.ts'
import { compileProgram } from '../measure/c-program.ts'

export interface LineSettings {
  readonly roundTripMs: number
  /** Bytes a second in each direction, of all connections together; 0: no limit. */
  readonly rate: number
  /** Bytes in flight on one connection; 0: no limit, as with wide windows. */
  readonly window: number
}

export interface Line {
  stop: () => Promise<void>
}

/** The limit of the queue before a line, as in a well-configured router. */
const queueMs = 20

export async function startLine (
  listenPort: number, toPort: number, { rate, roundTripMs, window }: LineSettings
): Promise<Line> {
  const program = await compileProgram({ source: 'perf/line/line.c', name: 'line' })
  const child = spawnGuarded(program, [
    String(listenPort), String(toPort), `delay_us=${roundTripMs * 500}`, `rate=${rate}`,
    `queue_us=${queueMs * 1000}`, `window=${window}`
  ], { stdio: ['pipe', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('the line has no output')
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => {
    throw new Error(`the line to port ${toPort} could not be started`)
  })])
  return { stop: async () => { await stopChild(child, 5_000) } }
}
