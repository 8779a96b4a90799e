// What a failed test prints, once and before its hooks end what it used: the log and the state of
// its mirrors, the offsets of its clusters. Code that starts such a thing registers a description
// here.

import { withTimeout } from './eventually.ts'

/** The part of node:test's TestContext that this file needs. */
export interface CleanUp {
  readonly name?: string
  after (hook: () => Promise<void>): void
  /** Known when the hooks run. */
  readonly passed?: boolean
}

type Describe = () => Promise<string>

// A hanging broker must not delay the end of a failed test.
const describeTimeoutMs = 15_000

const subjects = new Set<Describe>()
const reported = new WeakSet<CleanUp>()

/** Until the returned function is called, a failed test also prints this. */
export function describeOnFailure (describe: Describe): () => void {
  subjects.add(describe)
  return () => { subjects.delete(describe) }
}

/** Each hook that ends a thing calls it first. */
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
