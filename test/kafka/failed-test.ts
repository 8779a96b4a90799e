// What a failed test prints, once and before its hooks end what it used: the log and the state of
// its mirrors, what its clusters hold. Whoever starts such a thing says here how to describe it.

import { withTimeout } from './eventually.ts'

/** The part of node:test's TestContext that is needed here. */
export interface CleanUp {
  readonly name?: string
  after (hook: () => Promise<void>): void
  /** Known when the hooks run. */
  readonly passed?: boolean
}

type Describe = () => Promise<string>

// A hung broker must not keep a failed test from its end.
const describeTimeoutMs = 15_000

const subjects = new Set<Describe>()
const reported = new WeakSet<CleanUp>()

/** Until the returned function is called, a failed test prints this, too. */
export function describeOnFailure (describe: Describe): () => void {
  subjects.add(describe)
  return () => { subjects.delete(describe) }
}

/** To be called by each hook that ends a thing, before it does. */
export async function reportIfFailed (
  t: CleanUp, print: (text: string) => void = text => { process.stderr.write(text) }
): Promise<void> {
  if (t.passed !== false || reported.has(t)) return
  reported.add(t)
  const texts = await Promise.all([...subjects].map(async describe =>
    await withTimeout('description', describeTimeoutMs, describe())
      .catch((error: unknown) => `cannot be described: ${String(error)}`)))
  print(`\n--- what "${t.name}" used, which failed\n${texts.join('\n')}\n---\n`)
}
