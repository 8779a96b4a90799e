// Runs the program in this process, with both of its streams captured.
import { runProgram } from '../../../src/orchestrator/cli/program.ts'
import type { Terminal } from '../../../src/orchestrator/cli/terminal.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'

/** A terminal at which nobody looks without isTTY, and what was written to its streams. */
export function capturedTerminal (stdout: { readonly isTTY?: boolean } = {}): {
  readonly terminal: Terminal, readonly written: () => string
} {
  let written = ''
  const stream = { write: (text: string) => { written += text } }
  return {
    terminal: {
      stdout: { ...stdout, ...stream },
      stderr: stream,
      environment: {},
      clock: systemClock,
      stopped: new AbortController().signal,
      onHangUp: () => {}
    },
    written: () => written
  }
}

/** `args` without `node longhaul`. */
export async function runCaptured (
  args: readonly string[], stdout: { readonly isTTY?: boolean } = {}
): Promise<{ readonly exitCode: number, readonly written: string }> {
  const { terminal, written } = capturedTerminal(stdout)
  const exitCode = await runProgram(['node', 'longhaul', ...args], terminal)
  return { exitCode, written: written() }
}
