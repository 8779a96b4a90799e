// Programs that check files of deploy/ and that a machine may lack: a test that needs one is
// skipped there, with a line that says how to install it.
import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

export interface ToolResult {
  readonly status: number | null
  /** stdout and stderr. */
  readonly output: string
}

const toolMsMax = 120_000

/** Runs the program; undefined: the machine lacks it, and the test is skipped. */
export function tryTool (
  t: TestContext, howToInstall: string, [program = '', ...args]: readonly string[]
): ToolResult | undefined {
  const { error, status, stderr, stdout } =
    spawnSync(program, args, { encoding: 'utf8', timeout: toolMsMax })
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
    t.skip(`${program} is missing: ${howToInstall}`)
    return undefined
  }
  if (error !== undefined) throw error
  return { status, output: stdout + stderr }
}
