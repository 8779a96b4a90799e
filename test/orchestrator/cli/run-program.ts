// Runs the program in this process, with both of its streams captured.
import { runProgram } from '../../../src/orchestrator/cli/program.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'

/** `args` without `node longhaul`. */
export async function runCaptured (
  args: readonly string[]
): Promise<{ readonly exitCode: number, readonly written: string }> {
  let written = ''
  const stream = { write: (text: string) => { written += text } }
  const exitCode = await runProgram(['node', 'longhaul', ...args], {
    stdout: stream,
    stderr: stream,
    environment: {},
    clock: systemClock,
    stopped: new AbortController().signal,
    onHangUp: () => {}
  })
  return { exitCode, written }
}
